import type { ContentId, NodeId } from '../../core/ids.ts';
import type { PeerVia } from '../roster-entry.ts';
import type { LanInterface } from './interfaces.ts';

/** A word that a peer may be there. Without a node id (a static entry) only a connection can tell who it is. */
export interface DiscoveryHint {
  readonly nodeId: NodeId | null;
  /** An IP address. */
  readonly host: string;
  /** TCP port of the peer's libp2p listener. */
  readonly port: number;
  readonly via: PeerVia;
  /** Differs from the one told before when the peer has restarted. */
  readonly instance?: number;
}

/** Takes a word that a node wants or has a content, and where it says it can be reached. Nobody has proven any of it. */
export type OnInterest = (contentId: ContentId, nodeId: NodeId, host: string, port: number) => void;

/** Takes a datagram that reached `lan`; `sourceHost` is the address the network gives as its sender. */
export type ReceiveDatagram = (bytes: Uint8Array, sourceHost: string, lan: LanInterface) => void;

/** Broadcasts datagrams on subnets and hears those of others (and its own). */
export interface DatagramPort {
  /**
   * Sends and listens on exactly these interfaces from now on, and returns those that work. One that fails is told to
   * the log and tried again with the next call; it never stops the others.
   */
  listen(interfaces: readonly LanInterface[], receive: ReceiveDatagram): Promise<readonly LanInterface[]>;
  /** Sends to everybody on the interface's subnet; a failure is told to the log. */
  broadcast(lan: LanInterface, bytes: Uint8Array): void;
  /** Closes every socket; may be called twice. */
  close(): Promise<void>;
}

/** What an {@link Mdns} tells its owner. */
export interface MdnsListener {
  /** Somebody (perhaps this node) asked for peers of the domain; `answer` tells everybody about this node. */
  asked(answer: () => void): void;
  /** A peer told about itself. */
  found(nodeId: NodeId, addresses: readonly { readonly host: string; readonly port: number }[]): void;
}

/** Multicast DNS for one domain on the whole machine. */
export interface Mdns {
  /** Joins, or joins again on the interfaces that are there now, and asks once for peers. */
  ask(): Promise<void>;
  /** Leaves; may be called twice. */
  stop(): Promise<void>;
}
