import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Clock, Timer } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Logger } from '../observe/log.ts';
import { cancelled, stepError } from './deadline.ts';
import { remoteNodeOf, remoteOf, tcpAddress } from './libp2p-host.ts';
import type { MemberTable } from './member-table.ts';

/** Connections that one peer may hold at a time; more than one arises when both sides dial at once. */
const MAX_PER_PEER = 4;
/** Connections of strangers that are kept while they may still prove their membership. */
const MAX_STRANGERS = 64;

/** How a peer is connected, for `status`. */
export interface PeerConnection {
  readonly nodeId: NodeId;
  readonly direction: 'inbound' | 'outbound';
  /** IP address and TCP port of the other end. */
  readonly host: string;
  readonly port: number;
  /** Wall clock time, ms. */
  readonly openedMs: number;
  /** Until when its proof of membership holds; null while it is a stranger. */
  readonly authenticatedUntilMs: number | null;
}

/** What the connections work with. */
export interface ConnectionsDeps {
  readonly libp2p: Libp2p;
  readonly members: MemberTable;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The connections to peers: opened on demand, kept for the next search, and bounded. A connection that a stranger opened
 * is closed after a few seconds unless the membership exchange has succeeded by then.
 */
export class PeerConnections {
  readonly #deps: ConnectionsDeps;
  readonly #strangerMs: number;
  readonly #strangers = new Map<Connection, Timer>();

  /** @param options.strangerMs how long a stranger's connection may stay, in ms. */
  constructor(deps: ConnectionsDeps, options: { readonly strangerMs: number }) {
    this.#deps = deps;
    this.#strangerMs = options.strangerMs;
    deps.libp2p.addEventListener('connection:open', ({ detail }) => this.#opened(detail));
    deps.libp2p.addEventListener('connection:close', ({ detail }) => this.#closed(detail));
    // libp2p remembers every peer it ever met, also the inventions of a stranger; we have a roster of our own.
    deps.libp2p.addEventListener('peer:disconnect', ({ detail }) => {
      deps.libp2p.peerStore.delete(detail).catch((err: unknown) => deps.log.debug({ err }, 'a peer was not forgotten'));
    });
  }

  /**
   * A connection to this node: one that is open, or a new one. Noise proves the PeerId; an address where somebody else
   * answers counts as unreachable.
   * @throws NearbitsError E_PEER_UNREACHABLE, or the signal's reason.
   */
  async open(
    peer: { readonly nodeId: NodeId; readonly addresses: readonly { readonly host: string; readonly port: number }[] },
    signal: AbortSignal,
  ): Promise<Connection> {
    const { libp2p } = this.#deps;
    const peerId = peerIdFromString(peer.nodeId);
    const existing = libp2p.getConnections(peerId).find(({ status }) => status === 'open');
    if (existing !== undefined) return existing;
    try {
      const addresses = peer.addresses.map(({ host, port }) => tcpAddress(host, port, peer.nodeId));
      const connection = await libp2p.dial(addresses, { signal });
      if (connection.remotePeer.equals(peerId)) return connection;
      connection.abort(cancelled('another node answered'));
    } catch (error) {
      throw stepError(error, signal, 'E_PEER_UNREACHABLE');
    }
    throw new NearbitsError('E_PEER_UNREACHABLE', 'another node answered at the address of the peer');
  }

  /** A connection to whoever answers at this address. @throws NearbitsError E_PEER_UNREACHABLE, or the signal's reason. */
  async openAddress(
    host: string,
    port: number,
    signal: AbortSignal,
  ): Promise<{ connection: Connection; nodeId: NodeId }> {
    try {
      const connection = await this.#deps.libp2p.dial(tcpAddress(host, port), { signal });
      return { connection, nodeId: remoteNodeOf(connection) };
    } catch (error) {
      throw stepError(error, signal, 'E_PEER_UNREACHABLE');
    }
  }

  /** Every open connection. */
  list(): PeerConnection[] {
    return this.#deps.libp2p.getConnections().map((connection) => {
      const nodeId = remoteNodeOf(connection);
      const authenticatedUntilMs = this.#deps.members.authenticatedUntilMs(nodeId);
      const { direction, timeline } = connection;
      return { nodeId, direction, ...remoteOf(connection), openedMs: timeline.open, authenticatedUntilMs };
    });
  }

  /** Stops watching strangers. The connections themselves are closed by libp2p. */
  stop(): void {
    for (const timer of this.#strangers.values()) timer.cancel();
    this.#strangers.clear();
  }

  #opened(connection: Connection): void {
    try {
      const nodeId = remoteNodeOf(connection);
      this.#limitPeer(connection);
      if (connection.direction === 'inbound' && this.#deps.members.authenticatedUntilMs(nodeId) === null) {
        this.#watch(connection, nodeId);
      }
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'a connection of an unknown kind was refused');
      connection.abort(cancelled('only Ed25519 peers are served'));
    }
  }

  #closed(connection: Connection): void {
    this.#strangers.get(connection)?.cancel();
    this.#strangers.delete(connection);
  }

  #limitPeer(connection: Connection): void {
    const [oldest, ...others] = this.#deps.libp2p.getConnections(connection.remotePeer);
    if (others.length >= MAX_PER_PEER) oldest?.abort(cancelled('too many connections of one peer'));
  }

  #watch(connection: Connection, nodeId: NodeId): void {
    const [longest] = this.#strangers.keys();
    if (this.#strangers.size >= MAX_STRANGERS) longest?.abort(cancelled('too many strangers'));
    const timer = this.#deps.clock.after(this.#strangerMs, () => {
      this.#strangers.delete(connection);
      if (this.#deps.members.authenticatedUntilMs(nodeId) === null) {
        connection.abort(cancelled('no membership was proven in time'));
      }
    });
    this.#strangers.set(connection, timer);
  }
}

/**
 * Opens a stream for one protocol.
 * @throws NearbitsError E_PEER_PROTOCOL when the peer does not speak it, E_PEER_UNREACHABLE, or the signal's reason.
 */
export async function openStream(connection: Connection, protocol: string, signal: AbortSignal): Promise<Stream> {
  try {
    return await connection.newStream(protocol, { signal });
  } catch (error) {
    const unknown = error instanceof Error && error.name === 'UnsupportedProtocolError';
    throw stepError(error, signal, unknown ? 'E_PEER_PROTOCOL' : 'E_PEER_UNREACHABLE');
  }
}
