import type { ContentId, NodeId } from '../../core/ids.ts';
import type { Beat } from '../../plan/swarm/announcements.ts';

/** A proven member that talks about a content, and where its pieces can be had. */
export interface SwarmPeer {
  readonly nodeId: NodeId;
  /** The IP address at the other end of its connection. */
  readonly host: string;
  /** TCP port of its content server. */
  readonly contentPort: number;
}

/** What members tell each other about one content. */
export type SwarmBody =
  | { readonly kind: 'beat'; readonly beat: Beat }
  /** A `BadPieceEvidence` as it travels: see protocol/receipt-codec.ts. */
  | { readonly kind: 'evidence'; readonly evidence: Uint8Array };

/** Hears what others say about contents. Nothing in it may throw or take long. */
export interface SwarmListener {
  /** A member said something; order is kept for each member. */
  heard(from: SwarmPeer, contentId: ContentId, body: SwarmBody): void;
  /** Somebody wants or has the content, `ageMs` ago. Nobody has proven who it is. */
  interested(contentId: ContentId, nodeId: NodeId, ageMs: number): void;
  /** A member to which something was sent cannot be reached, or its stream broke. */
  lost(nodeId: NodeId): void;
}

/** How a node talks to others about contents. */
export interface SwarmPort {
  /** Sends to a member, connecting and proving membership where that is needed. Never throws; a failure is told by `lost`. */
  send(to: NodeId, contentId: ContentId, body: SwarmBody): void;
  /** Tells the subnet that this node wants or has the content; where nothing can be broadcast, the meeting points of the content. */
  tellInterest(contentId: ContentId): void;
}
