import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import { systemRandom } from '../../core/random.ts';
import type { EmitEvent } from '../../observe/events.ts';
import type { Logger } from '../../observe/log.ts';
import type { Roster } from '../roster.ts';
import { Discovery, type DiscoveryOptions } from './discovery.ts';
import { LibraryMdns } from './mdns.ts';
import type { DiscoveryHint, MdnsListener, OnInterest } from './seams.ts';
import { systemResolve } from './static-peers.ts';
import { UdpPort } from './udp-port.ts';

/** What discovery on this machine works with. */
export interface StartDiscoveryDeps {
  readonly nodeId: NodeId;
  /** The 16 bytes that name the domain. */
  readonly domainTag: Uint8Array;
  readonly roster: Roster;
  /** TCP port of our libp2p listener. */
  readonly tcpPort: () => number;
  /** Our libp2p addresses as multiaddrs with `/p2p/PEERID`. */
  readonly listenAddresses: () => readonly string[];
  /** Told about a static peer of which only the address is known; a connection tells who it is. */
  readonly connectHint: (host: string, port: number) => void;
  /** Told every interest of others. */
  readonly onInterest?: OnInterest;
  readonly log: Logger;
  readonly emit: EmitEvent;
  readonly clock?: Clock;
}

/** What an administrator can choose. */
export interface StartDiscoveryOptions extends DiscoveryOptions {
  /** Whether Hello, Probe, ProbeMatch and Interest are sent and heard. */
  readonly datagrams: boolean;
  /** Whether mDNS is used; only when `interfaces` is `all`. */
  readonly mdns: boolean;
  /** UDP port of the datagrams, the same on all nodes; 21782 by default in the configuration. */
  readonly port: number;
}

/** Starts discovery on this machine's sockets. What is switched off opens none. */
export async function startDiscovery(deps: StartDiscoveryDeps, options: StartDiscoveryOptions): Promise<Discovery> {
  const { nodeId, domainTag, roster, tcpPort, log, emit, onInterest = () => undefined, clock = systemClock } = deps;
  const self = { nodeId, domainTag, tcpPort, instance: clock.wallMs() };
  const port = options.datagrams ? new UdpPort({ log, emit }, { port: options.port }) : null;
  const failed = (error: Error) => {
    log.warn({ err: error }, 'mDNS cannot be used');
    emit({ type: 'discovery.failed', message: `mDNS: ${error.message}` });
  };
  const mdnsDeps = { clock, log, domainTag, listenAddresses: deps.listenAddresses, failed };
  const openMdns = options.mdns ? (listener: MdnsListener) => new LibraryMdns({ ...mdnsDeps, listener }) : null;
  const seams = { port, openMdns, networkInterfaces, resolve: systemResolve, clock, random: systemRandom };
  const onHint = (hint: DiscoveryHint) => {
    if (hint.nodeId === null) deps.connectHint(hint.host, hint.port);
    else roster.hint({ ...hint, nodeId: hint.nodeId });
  };
  return await Discovery.start({ self, roster, onHint, onInterest, log, emit, ...seams }, options);
}
