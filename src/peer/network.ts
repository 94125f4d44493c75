import type { Clock } from '../core/clock.ts';
import { toNearbitsError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Membership } from '../domain/membership.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { PeerConnection } from './connections.ts';
import { cancelled, Deadline } from './deadline.ts';
import type { Identity } from './identity.ts';
import type { NetworkStack } from './network-stack.ts';
import type { Roster } from './roster.ts';
import type { SearchOptions } from './search.ts';
import type { PeerAnswer, SearchHandler, SearchQuery } from './search-types.ts';
import type { SwarmChannelListener, SwarmSender } from './swarm/swarm-message.ts';

export type { PeerConnection } from './connections.ts';
export type { PeerAnswer, PeerRecord, SearchAnswer, SearchHandler, SearchQuery } from './search-types.ts';

/** What the network works with. */
export interface NetworkDeps {
  readonly identity: Identity;
  readonly membership: Membership;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emit: EmitEvent;
  readonly searchHandler: SearchHandler;
  /** Hears what members say about contents that are fetched together; without it that protocol is not spoken. */
  readonly swarmListener?: SwarmChannelListener;
}

/** Where the network listens, and its limits. */
export interface NetworkOptions {
  /** IP address; 0.0.0.0 for all of IPv4, :: for all. */
  readonly host: string;
  /** TCP port; 0 takes any free one. */
  readonly port: number;
  /** Connections in both directions together; default 150. */
  readonly maxConnections?: number;
  /** New connections accepted from one address within a second; default 20. */
  readonly inboundPerSecond?: number;
  /** How long a connection on which nothing happens is kept for reuse, in ms; default 5 minutes. */
  readonly idleMs?: number;
  /** How long a stranger may stay connected without proving its membership, in ms; default 5 s. */
  readonly strangerMs?: number;
  /** How long connecting or choosing a protocol may take, in ms; default 5 s. */
  readonly handshakeMs?: number;
  /** How long one membership exchange, or the answer to one search, may take, in ms; default 15 s. */
  readonly exchangeMs?: number;
  /** Members remembered at a time; default 100. */
  readonly maxMembers?: number;
  /** Searches of one peer answered within a second in the long run; default 100. */
  readonly searchesPerSecond?: number;
}

const DEFAULTS = {
  maxConnections: 150,
  inboundPerSecond: 20,
  idleMs: 300_000,
  strangerMs: 5_000,
  handshakeMs: 5_000,
  exchangeMs: 15_000,
  searchesPerSecond: 100,
  maxMembers: 100,
};

/** The options with their defaults. */
export type NetworkLimits = Required<NetworkOptions>;

/**
 * The node among its peers, over libp2p: who is who (Noise), are you of my domain (membership exchange), do you hold this
 * (search). Only members of a domain start it, so a node in no domain opens no socket. No content goes this way but the
 * few KiB of a small object, with an answer.
 */
export class PeerNetwork implements AsyncDisposable {
  readonly #deps: NetworkDeps;
  readonly #stack: NetworkStack;
  readonly #handshakeMs: number;
  readonly #stopping = new AbortController();
  readonly #hints = new Set<Promise<void>>();

  private constructor(deps: NetworkDeps, stack: NetworkStack, handshakeMs: number) {
    this.#deps = deps;
    this.#stack = stack;
    this.#handshakeMs = handshakeMs;
  }

  /**
   * Opens the listener and serves peers. libp2p is loaded here and not before: it takes over 40 MiB.
   * @throws NearbitsError E_LISTEN when the port cannot be opened.
   */
  static async start(deps: NetworkDeps, options: NetworkOptions): Promise<PeerNetwork> {
    const limits: NetworkLimits = { ...DEFAULTS, ...options };
    const { openStack } = await import('./network-stack.ts');
    return new PeerNetwork(deps, await openStack(deps, limits), limits.handshakeMs);
  }

  /** The TCP port that is listened on. */
  get port(): number {
    const [address] = this.#stack.libp2p.getMultiaddrs();
    return Number(address?.getComponents().find(({ name }) => name === 'tcp')?.value ?? 0);
  }

  /** Where peers can reach this node, as multiaddrs that end in its PeerId. */
  addresses(): string[] {
    return this.#stack.libp2p.getMultiaddrs().map(String);
  }

  /** Asks peers who holds content; see searchPeers. The search also ends when the network stops. */
  search(query: SearchQuery, options: SearchOptions, signal: AbortSignal): AsyncIterable<PeerAnswer> {
    const { identity, ...deps } = this.#deps;
    const search = { ...deps, ...this.#stack, self: identity.nodeId };
    return this.#stack.searchPeers(search, query, options, AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Finds out, in the background, who answers at an address of the static list; a member enters the roster. */
  connectHint(host: string, port: number): void {
    const hint = this.#meet(host, port).finally(() => this.#hints.delete(hint));
    this.#hints.add(hint);
  }

  /** Sends messages about contents that are fetched together; null without a listener for them. */
  get swarm(): SwarmSender | null {
    return this.#stack.swarm;
  }

  /** The open connections, for `status`. */
  connections(): PeerConnection[] {
    return this.#stack.connections.list();
  }

  /** Closes the listener and every connection; searches end. */
  async stop(): Promise<void> {
    this.#stopping.abort(cancelled('the node is stopping'));
    this.#stack.swarm?.stop();
    await Promise.all(this.#hints);
    this.#stack.connections.stop();
    await this.#stack.libp2p.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #meet(host: string, port: number): Promise<void> {
    const { roster, log } = this.#deps;
    const { connections, exchange } = this.#stack;
    const deadline = new Deadline(this.#deps, 'connecting', this.#handshakeMs, this.#stopping.signal);
    try {
      const { connection, nodeId } = await connections.openAddress(host, port, deadline.signal);
      if (nodeId === this.#deps.identity.nodeId) return;
      const authenticatedUntilMs = await exchange.authenticate(connection);
      roster.contacted(nodeId, { authenticatedUntilMs, host, port, via: 'static' });
    } catch (error) {
      log.debug({ err: toNearbitsError(error), host, port }, 'nobody of this domain answered at a static address');
    } finally {
      deadline.clear();
    }
  }
}
