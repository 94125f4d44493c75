import type { Connection } from '@libp2p/interface';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { sameVersion } from '../core/file-version.ts';
import type { EmitEvent } from '../observe/events.ts';
import { openStream, type PeerConnections } from './connections.ts';
import { Deadline, stepError, unlessAborted } from './deadline.ts';
import { remoteOf } from './libp2p-host.ts';
import type { MemberTable } from './member-table.ts';
import type { MembershipExchange } from './membership-exchange.ts';
import { decodeSearchAnswer } from './protocol/answer-codec.ts';
import { exchangeMessages } from './protocol/frames.ts';
import { MAX_ANSWER_BYTES, SEARCH_PROTOCOL } from './protocol/wire.ts';
import type { Roster } from './roster.ts';
import type { RosterEntry } from './roster-entry.ts';
import type { PeerAnswer, PeerRecord, SearchAnswer, SearchQuery } from './search-types.ts';

/** What asking a peer works with. */
export interface AttemptDeps {
  readonly connections: PeerConnections;
  readonly exchange: MembershipExchange;
  readonly members: MemberTable;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** A search as it is sent to a peer. */
export interface PreparedSearch {
  readonly query: SearchQuery;
  readonly request: Uint8Array;
  /** How long one peer may take in all, in ms. */
  readonly peerTimeoutMs: number;
}

/**
 * Asks one peer, in this order: 1. connect, or take the open connection; 2. unless it has proven its membership to us,
 * exchange memberships; 3. search; 4. when the peer has forgotten us, exchange and search once more (BPCR 3.1.7.3). The
 * roster learns how it went. Never throws: what failed is in the answer.
 */
export async function askPeer(
  deps: AttemptDeps,
  peer: RosterEntry,
  search: PreparedSearch,
  signal: AbortSignal,
): Promise<PeerAnswer> {
  const startedMs = deps.clock.monotonicMs();
  const deadline = new Deadline(deps, 'search', search.peerTimeoutMs, signal);
  const elapsed = () => deps.clock.monotonicMs() - startedMs;
  try {
    const connection = await deps.connections.open(peer, deadline.signal);
    const { answer, untilMs } = await askMember(deps, peer, connection, search, deadline.signal);
    deps.roster.contacted(peer.nodeId, { authenticatedUntilMs: untilMs, ...knownAddress(peer, connection) });
    return { ...toPeerAnswer(peer, connection, answer, search.query), elapsedMs: elapsed() };
  } catch (error) {
    const failure = stepError(error, deadline.signal, 'E_PEER_UNREACHABLE');
    deps.roster.failed(peer.nodeId, failure.code);
    return { ...failedAnswer(peer, failure), elapsedMs: elapsed() };
  } finally {
    deadline.clear();
  }
}

async function askMember(
  { members, exchange }: AttemptDeps,
  { nodeId }: RosterEntry,
  connection: Connection,
  search: PreparedSearch,
  signal: AbortSignal,
): Promise<{ answer: SearchAnswer; untilMs: number }> {
  // The exchange is shared with other searches, so it goes on when this one is stopped.
  const authenticate = () => unlessAborted(exchange.authenticate(connection), signal);
  let untilMs = members.authenticatedUntilMs(nodeId) ?? (await authenticate());
  let answer = await ask(connection, search, signal);
  if (answer.status === 'unauthenticated') {
    untilMs = await authenticate();
    answer = await ask(connection, search, signal);
  }
  if (answer.status === 'unauthenticated') {
    throw new NearbitsError('E_PEER_UNAUTHENTICATED', 'the peer accepted our membership and then did not know it');
  }
  if (answer.status === 'invalid')
    throw new NearbitsError('E_PEER_PROTOCOL', 'the peer does not understand our search');
  return { answer, untilMs };
}

async function ask(connection: Connection, search: PreparedSearch, signal: AbortSignal): Promise<SearchAnswer> {
  const { query, request } = search;
  const stream = await openStream(connection, SEARCH_PROTOCOL, signal);
  return decodeSearchAnswer(await exchangeMessages(stream, request, MAX_ANSWER_BYTES, signal), query.maxInlineBytes);
}

// The address that worked, if it is one of those we know: a connection that the peer opened comes from another port.
function knownAddress({ addresses }: RosterEntry, connection: Connection) {
  const { host, port } = remoteOf(connection);
  const known = addresses.find((address) => address.host === host && address.port === port);
  return known === undefined ? {} : { host, port, via: known.via };
}

function toPeerAnswer(peer: RosterEntry, connection: Connection, answer: SearchAnswer, query: SearchQuery) {
  const records = answer.records.filter((record) => isWanted(record, query)).slice(0, query.maxRecords);
  const base = { nodeId: peer.nodeId, contentHost: remoteOf(connection).host, contentPort: answer.contentPort };
  if (answer.status === 'busy') {
    const details = { retryAfterMs: answer.retryAfterMs };
    const error = new NearbitsError('E_PEER_BUSY', 'the peer has no time for searches', { details });
    return { ...base, status: 'busy', records: [], freeSlots: 0, error } as const;
  }
  const status = records.length === 0 ? 'not-found' : 'found';
  return { ...base, status, records, freeSlots: answer.freeSlots } as const;
}

// Peers answer more than was asked, or something else, at their own risk (BPCR 2.2.1.6: the client ignores extras).
function isWanted(record: PeerRecord, { version, sha256, ranges }: SearchQuery): boolean {
  if (sha256 === null && version !== null && !sameVersion(record.version, version)) return false;
  return ranges === null || !record.ranges.intersect(ranges).isEmpty;
}

function failedAnswer(peer: RosterEntry, error: NearbitsError) {
  const status =
    error.code === 'E_PEER_UNAUTHENTICATED' ? 'unauthenticated' : error.code === 'E_PEER_BUSY' ? 'busy' : 'failed';
  return { nodeId: peer.nodeId, status, records: [], contentHost: '', contentPort: 0, freeSlots: 0, error } as const;
}
