import type { PeerDiscovery, PeerInfo, Startable } from '@libp2p/interface';
import { type MulticastDNSComponents, mdns as multicastDns } from '@libp2p/mdns';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import type { Clock } from '../../core/clock.ts';
import { NearbitsError } from '../../core/errors.ts';
import { parseNodeId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import { libp2pLoggers } from '../libp2p-log.ts';
import { TokenBucket } from './rate-limit.ts';
import type { Mdns, MdnsListener } from './seams.ts';

/** What a {@link LibraryMdns} works with. */
export interface LibraryMdnsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The 16 bytes that name the domain. */
  readonly domainTag: Uint8Array;
  /** Our libp2p addresses as multiaddrs with `/p2p/PEERID`; asked for with each answer. */
  readonly listenAddresses: () => readonly string[];
  readonly listener: MdnsListener;
  /** Told when the multicast socket cannot be used, for instance since another program holds port 5353 alone. */
  readonly failed: (error: Error) => void;
}

// What start() of @libp2p/mdns 12 hands to its socket: methods bound in the constructor and kept as properties. The
// library has no other place where an answer can be held back, and its class is not exported to be extended.
interface Handlers {
  _onMdnsQuery(event: MdnsPacket): void;
  _onMdnsResponse(event: MdnsPacket): void;
  _onMdnsError(error: Error): void;
}

interface MdnsPacket {
  readonly questions?: readonly { readonly name: string }[];
  readonly answers?: readonly { readonly name: string }[];
}

// The library insists on asking again by itself; once a day is next to never. We ask by starting it anew.
const LIBRARY_INTERVAL_MS = 86_400_000;
/** Answers looked at; far above what an honest subnet sends. */
const ANSWER_RATE = { burst: 400, perSecond: 50 };
const MAX_ADDRESSES_OF_A_PEER = 4;

/**
 * mDNS by @libp2p/mdns, tamed. As it is, every node asks every 10 s and every node answers every question: on 500 nodes
 * 25,000 answers a second. Here a node asks when it starts and while it needs peers, and each question of others is
 * shown to the listener, which answers late or not at all. The library joins the group on all interfaces and sends by
 * the default route, so it serves only nodes that are not restricted to certain interfaces. IPv4 only.
 */
export class LibraryMdns implements Mdns {
  readonly #deps: LibraryMdnsDeps;
  readonly #library: PeerDiscovery & Startable;
  readonly #serviceTag: string;
  readonly #answerRate: TokenBucket;
  // Joining and leaving take turns; both touch the one socket.
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: LibraryMdnsDeps) {
    this.#deps = deps;
    this.#serviceTag = serviceTagOf(deps.domainTag);
    this.#answerRate = new TokenBucket(deps, ANSWER_RATE);
    const options = { serviceTag: this.#serviceTag, interval: LIBRARY_INTERVAL_MS };
    this.#library = multicastDns(options)(componentsOf(deps)) as PeerDiscovery & Startable;
    this.#library.addEventListener('peer', (event) => this.#found(event.detail));
    this.#intercept(this.#library);
  }

  /** A new socket each time: multicast-dns does not join again when an interface comes back with the same address. */
  ask(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#library.stop();
      await this.#library.start();
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#library.stop();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #intercept(library: object): void {
    if (!hasHandlers(library)) throw new NearbitsError('E_INTERNAL', '@libp2p/mdns has no handlers to intercept');
    const answer = library._onMdnsQuery;
    const read = library._onMdnsResponse;
    library._onMdnsQuery = (event) => {
      // The library answers the first question of a packet only.
      if (event.questions?.[0]?.name === this.#serviceTag) this.#deps.listener.asked(() => answer(event));
    };
    library._onMdnsResponse = (event) => {
      const ours = event.answers?.some((each) => each.name === this.#serviceTag) ?? false;
      if (ours && this.#answerRate.take()) read(event);
    };
    library._onMdnsError = (error) => this.#deps.failed(error);
  }

  #found(peer: PeerInfo): void {
    try {
      const nodeId = parseNodeId(peer.id.toString());
      const addresses = peer.multiaddrs.flatMap(toTcpAddress).slice(0, MAX_ADDRESSES_OF_A_PEER);
      this.#deps.listener.found(nodeId, addresses);
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'an mDNS answer names a peer that cannot be ours');
    }
  }
}

function hasHandlers(library: object): library is Handlers {
  const names = ['_onMdnsQuery', '_onMdnsResponse', '_onMdnsError'];
  return names.every((name) => typeof Reflect.get(library, name) === 'function');
}

function componentsOf(deps: LibraryMdnsDeps): MulticastDNSComponents {
  const getAddresses = () =>
    deps
      .listenAddresses()
      .map((address) => multiaddr(address))
      .filter(isNotLoopback);
  // The library calls this one method of the address manager and no other.
  const addressManager = { getAddresses } as unknown as MulticastDNSComponents['addressManager'];
  return { addressManager, logger: libp2pLoggers(deps.log) };
}

function isNotLoopback(address: Multiaddr): boolean {
  const host = address.getComponents()[0]?.value ?? '';
  return !host.startsWith('127.') && host !== '::1';
}

function toTcpAddress(address: Multiaddr): { host: string; port: number }[] {
  const [ip, tcp] = address.getComponents();
  if (ip?.name !== 'ip4' || tcp?.name !== 'tcp' || ip.value === undefined) return [];
  return [{ host: ip.value, port: Number(tcp.value) }];
}

// Foreign domains, and libp2p nodes that are not ours, stay silent on this name (RFC 6763: at most 15 characters).
function serviceTagOf(domainTag: Uint8Array): string {
  return `_nb${Buffer.from(domainTag.subarray(0, 6)).toString('hex')}._udp.local`;
}
