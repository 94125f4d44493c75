import type { Cache } from '../cache/cache.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import { systemRandom } from '../core/random.ts';
import type { Membership } from '../domain/membership.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ExchangeSide } from '../exchange/side.ts';
import type { Neighbours } from '../fetch/deps.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import { ContentClient } from '../peer/content-client.ts';
import type { ContentTarget } from '../peer/content-connection.ts';
import type { DiscoverOutcome, Discovery } from '../peer/discovery/discovery.ts';
import { startDiscovery } from '../peer/discovery/start.ts';
import type { Identity } from '../peer/identity.ts';
import { inlineSource } from '../peer/inline-source.ts';
import { PeerNetwork } from '../peer/network.ts';
import type { Roster } from '../peer/roster.ts';
import type { PeerAnswer, PeerRecord, SearchQuery } from '../peer/search-types.ts';
import type { SwarmListener, SwarmPeer } from '../peer/swarm/swarm-port.ts';
import { SwarmTalk } from '../peer/swarm/swarm-talk.ts';
import { ContentServer } from '../serve/content-server.ts';
import type { PieceShelf } from '../serve/pieces/shared-pieces.ts';
import { createSearchHandler, refuseSearches } from '../serve/search-handler.ts';

/** What the side that faces the neighbours works with. */
export interface PeerSideDeps {
  readonly identity: Identity;
  readonly membership: Membership;
  readonly cache: Cache;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** Where those meet who fetch the same. */
  readonly exchange: SwarmListener & PieceShelf & Pick<Exchange, 'attach' | 'told'>;
}

/** What the talk goes over. Neighbours may speak before it is there; answers to that are left out. */
interface Ways {
  network: PeerNetwork | null;
  discovery: Discovery | null;
}

/**
 * Everything that opens a socket towards neighbours. Exists only while this
 * node is a member of a domain and the configuration allows it; is stopped and
 * started anew when either changes.
 */
export class PeerSide implements Neighbours, AsyncDisposable {
  /** The talk about contents that are fetched together; null where policy forbids it, or this node gives nothing to others. */
  readonly swarm: SwarmTalk | null;
  readonly #deps: PeerSideDeps;
  readonly #network: PeerNetwork;
  readonly #client: ContentClient;
  readonly #server: ContentServer | null;
  readonly #stopping = new AbortController();
  #discovery: Discovery | null = null;
  #search: Config['search'];

  private constructor(
    deps: PeerSideDeps,
    config: Config,
    { network, server, swarm }: { network: PeerNetwork; server: ContentServer | null; swarm: SwarmTalk | null },
  ) {
    this.#deps = deps;
    this.#network = network;
    this.#server = server;
    this.swarm = swarm;
    this.#search = config.search;
    this.#client = new ContentClient({ ...deps, membership: () => deps.membership }, {});
  }

  /**
   * Opens the sockets in the order in which neighbours use them: content, search, discovery.
   * @throws NearbitsError E_LISTEN when a port is taken; nothing stays open then.
   */
  static async start(deps: PeerSideDeps, config: Config): Promise<PeerSide> {
    const server = config.peers.server ? await startServer(deps, config) : null;
    try {
      const { identity, membership, roster, cache, clock, log, emit } = deps;
      const told: Exchange['told'] = (record, pieces) => deps.exchange.told(record, pieces);
      const searchHandler = server === null ? refuseSearches : createSearchHandler({ cache, server, told });
      const ways: Ways = { network: null, discovery: null };
      const swarm = server !== null && config.swarm.enabled ? createTalk(deps, server, ways) : null;
      const listener = swarm === null ? {} : { swarmListener: swarm };
      const networkDeps = { identity, membership, roster, clock, random: systemRandom, log, emit, searchHandler };
      const place = { host: config.listen.host, port: config.listen.peerPort };
      const network = await PeerNetwork.start({ ...networkDeps, ...listener }, place);
      ways.network = network;
      const side = new PeerSide(deps, config, { network, server, swarm });
      side.#discovery = await side.#startDiscovery(config);
      ways.discovery = side.#discovery;
      deps.exchange.attach(side.#forExchange(config.peers.client));
      return side;
    } catch (error) {
      await server?.stop();
      throw error;
    }
  }

  /** Takes over what can change while sockets stay open. */
  async update(config: Config): Promise<void> {
    this.#search = config.search;
    this.#server?.update({ ...config.serve, pieces: config.swarm });
  }

  search(query: SearchQuery, patienceMs: number, signal: AbortSignal): AsyncIterable<PeerAnswer> {
    const { maxPeers, peerTimeoutMs, timeoutMs } = this.#search;
    const lingerMs = this.#lookForPeers() ? patienceMs : 0;
    return this.#network.search(query, { maxPeers, peerTimeoutMs, timeoutMs, lingerMs }, signal);
  }

  source(answer: PeerAnswer, record: PeerRecord) {
    const { nodeId, contentHost, contentPort } = answer;
    const source = this.#client.source({ nodeId, host: contentHost, port: contentPort, record });
    const { inline, pieces } = record;
    return inline === undefined ? source : inlineSource({ inline, pieces }, source);
  }

  failed(nodeId: NodeId, error: NearbitsError): void {
    this.#deps.roster.failed(nodeId, error.code);
  }

  // Whom nobody knows nobody can ask: an empty roster is worth one discovery (BPCR 3.1.7), within its suppression.
  #lookForPeers(): boolean {
    const discovery = this.#discovery;
    if (discovery === null || this.#deps.roster.countUsable() > 0) return false;
    if (discovery.status().suppressedForMs > 0) return false;
    discovery.discover(this.#stopping.signal).catch(() => undefined); // stopped: nobody waits for it
    return true;
  }

  /** Looks for neighbours now, unless that happened within the last ten minutes. */
  async discover(signal: AbortSignal): Promise<DiscoverOutcome> {
    return (await this.#discovery?.discover(signal)) ?? { started: false, suppressedForMs: 0 };
  }

  /** Lets the next discovery begin at once. */
  liftSuppression(): void {
    this.#discovery?.liftSuppression();
  }

  /** The TCP ports in use; null where nothing listens. */
  get ports(): { peer: number | null; content: number | null } {
    return { peer: this.#network.port, content: this.#server?.port ?? null };
  }

  /** Places for further neighbours to be served now. */
  get freeSlots(): number {
    return this.#server?.freeSlots() ?? 0;
  }

  /** What discovery is doing, or null when it is off. */
  get discovery() {
    return this.#discovery?.status() ?? null;
  }

  async stop(): Promise<void> {
    this.#deps.exchange.attach(null);
    this.#stopping.abort();
    await this.#discovery?.stop();
    await this.#network.stop();
    await this.#client.close();
    await this.#server?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // Where this node may not ask, what it fetches goes on without the bytes of others; it still gives.
  #forExchange(mayAsk: boolean): ExchangeSide | null {
    if (this.swarm === null) return null;
    const client = this.#client;
    const common = { swarm: this.swarm, failed: (nodeId: NodeId, error: NearbitsError) => this.failed(nodeId, error) };
    if (!mayAsk) return { ...common, fetchPieces: refuseToAsk, fetchDescriptor: refuseToAsk };
    return {
      ...common,
      fetchPieces: (from, question, taker, signal) => client.fetchPieces(targetOf(from), question, taker, signal),
      fetchDescriptor: (from, contentId, signal) => client.fetchDescriptor(targetOf(from), contentId, signal),
    };
  }

  async #startDiscovery({ discovery }: Config): Promise<Discovery> {
    const { identity, membership, roster, log, emit, clock } = this.#deps;
    const network = this.#network;
    const deps = {
      nodeId: identity.nodeId,
      domainTag: membership.tag,
      roster,
      log,
      emit,
      clock,
      tcpPort: () => network.port,
      listenAddresses: () => network.addresses(),
      connectHint: (host: string, port: number) => network.connectHint(host, port),
      ...(this.swarm === null ? {} : { onInterest: this.swarm.heardInterest }),
    };
    return startDiscovery(deps, {
      datagrams: discovery.enabled && discovery.broadcast,
      mdns: discovery.enabled && discovery.mdns,
      port: discovery.port,
      interfaces: discovery.interfaces,
      staticPeers: discovery.staticPeers,
    });
  }
}

function startServer(deps: PeerSideDeps, config: Config): Promise<ContentServer> {
  const { cache, membership, clock, log, emit, exchange, identity } = deps;
  const { host, contentPort: port } = config.listen;
  const pieces = !config.swarm.enabled ? {} : { pieces: { shelf: exchange, identity } };
  return ContentServer.start(
    { cache, membership: () => membership, clock, log, emit, ...pieces },
    { host, port, ...config.serve, pieces: config.swarm },
  );
}

async function refuseToAsk(): Promise<never> {
  throw new NearbitsError('E_CANCELLED', 'peers.client is false');
}

function targetOf({ nodeId, host, contentPort }: SwarmPeer): ContentTarget {
  return { nodeId, host, port: contentPort };
}

function createTalk(deps: PeerSideDeps, server: ContentServer, ways: Ways): SwarmTalk {
  const { identity, roster, clock, exchange } = deps;
  return new SwarmTalk({
    self: identity.nodeId,
    roster,
    clock,
    listener: exchange,
    sender: () => ways.network?.swarm ?? null,
    tellSubnets: (contentId) => ways.discovery?.tellInterest(contentId) ?? false,
    contentPort: () => server.port,
    peerPort: () => ways.network?.port ?? 0,
  });
}
