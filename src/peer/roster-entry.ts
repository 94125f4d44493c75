import { isIP } from 'node:net';
import { z } from 'zod';
import { type NodeId, parseNodeId } from '../core/ids.ts';

const PEER_WAYS = ['hello', 'probe', 'probe-match', 'interest', 'mdns', 'static', 'incoming'] as const;

/** How a node heard of an address: a discovery datagram, mDNS, the static list, or a connection that the peer opened. */
export type PeerVia = (typeof PEER_WAYS)[number];

// More addresses of one peer would only serve somebody who invents them.
const MAX_ADDRESSES = 4;

const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 600_000;

/** Where a peer said, or was seen, to be reachable over libp2p TCP. */
export interface PeerAddress {
  /** An IP address in text form; names are resolved before they come here. */
  readonly host: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  readonly via: PeerVia;
  /** Wall clock time of the last datagram, mDNS answer or contact that confirmed it. */
  readonly lastSeenMs: number;
}

/** A word that a peer may be there. It proves nothing: only the membership exchange does. */
export interface RosterHint {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
  readonly via: PeerVia;
  /** Differs from the one seen before when the peer has restarted. */
  readonly instance?: number;
}

/** What the roster knows about one peer at one moment. */
export interface RosterEntry {
  readonly nodeId: NodeId;
  /** Best first: the one that worked last, then the one heard of last. At most four. */
  readonly addresses: readonly PeerAddress[];
  /** The last instance number heard, or null. */
  readonly instance: number | null;
  /** The membership proof seen holds until this wall clock time; null: not authenticated (any more). */
  readonly authenticatedUntilMs: number | null;
  /** False after a contact failed, until one succeeds or the peer restarts. */
  readonly available: boolean;
  /** Contacts that failed since the last one that succeeded. */
  readonly failures: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

const wallTime = z.number().int().nonnegative();

const nodeIdText = z.string().transform((text, context): NodeId => {
  try {
    return parseNodeId(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'not the id of a node' });
    return z.NEVER;
  }
});

/** How an entry lies in the store; failures are left out, so that a restart gives each peer a fresh chance. */
export const rosterRecordSchema = z.object({
  nodeId: nodeIdText,
  addresses: z
    .array(
      z.object({
        host: z.string().refine((host) => isIP(host) !== 0),
        port: z.number().int().min(1).max(65_535),
        via: z.enum(PEER_WAYS),
        lastSeenMs: wallTime,
      }),
    )
    .max(MAX_ADDRESSES),
  instance: z.number().int().nonnegative().nullable(),
  authenticatedUntilMs: wallTime.nullable(),
  firstSeenMs: wallTime,
  lastSeenMs: wallTime,
});
export type RosterRecord = z.output<typeof rosterRecordSchema>;

/** Whether the address is one that a peer can have: an IP address that names one machine, and a TCP port. */
export function isPeerAddress(host: string, port: number): boolean {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return false;
  const version = isIP(host);
  if (version === 4) return !/^(0|22[4-9]|23\d|24\d|25[0-5])\./.test(host);
  return version === 6 && host !== '::' && !host.toLowerCase().startsWith('ff');
}

/**
 * Milliseconds to leave a peer alone after its `failures`-th failure in a row: 5 s, doubled each time, at most 10 min
 * (the suppression time of BITS discovery: a peer is not written off for longer than the subnet would be).
 */
export function retryDelayMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(20, failures - 1));
}

/**
 * Adds or refreshes one address. The best one stays in front unless `best` is set, in which case the given one takes
 * its place: an address that was only heard of must not push away the one that works.
 */
export function withAddress(addresses: readonly PeerAddress[], fresh: PeerAddress, best: boolean): PeerAddress[] {
  const others = addresses.filter((address) => !sameAddress(address, fresh));
  const first = addresses[0];
  const keepsFront = !best && first !== undefined;
  if (keepsFront && sameAddress(first, fresh)) return [fresh, ...others];
  const merged = keepsFront ? [first, fresh, ...others.slice(1)] : [fresh, ...others];
  return merged.slice(0, MAX_ADDRESSES);
}

/** Whether both name the same host and port. */
export function sameAddress(a: { host: string; port: number }, b: { host: string; port: number }): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Order in which peers are offered: authenticated ones first, then fewer failures, then the one seen last. */
export function byPreference(a: RosterEntry, b: RosterEntry): number {
  const proven = Number(b.authenticatedUntilMs !== null) - Number(a.authenticatedUntilMs !== null);
  return proven || a.failures - b.failures || b.lastSeenMs - a.lastSeenMs;
}
