import type { ContentId, NodeId } from '../../core/ids.ts';
import type { SwarmBody, SwarmPeer } from './swarm-port.ts';

/** Where the libp2p listener of a member is said to be. Only a hint: Noise proves who answers there. */
export interface SwarmAddress {
  /** IP address in text form, without a zone. */
  readonly host: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

/** Somebody who wants or has a content, as another member tells it. */
export interface InterestedMember {
  readonly nodeId: NodeId;
  /** Milliseconds since it was heard. */
  readonly ageMs: number;
  /** Null where the sender knows none. */
  readonly address: SwarmAddress | null;
}

type BeatBody = Extract<SwarmBody, { kind: 'beat' }>;
type EvidenceBody = Extract<SwarmBody, { kind: 'evidence' }>;

/** What a message says. A `beat` or an `evidence` can be handed to a {@link SwarmBody} as it is. */
export type SwarmWireBody =
  /** `addresses` of those among the members of the beat whose address the sender knows; a new Map where it knows none. */
  | (BeatBody & { readonly addresses: ReadonlyMap<NodeId, SwarmAddress> })
  | EvidenceBody
  /** The sender wants or has the content: who else does? `port`: of its libp2p listener, so that others can be sent there. */
  | { readonly kind: 'interest'; readonly port: number }
  /** The answer to `interest`; at most 16. */
  | { readonly kind: 'interested'; readonly members: readonly InterestedMember[] };

/** One message of /nearbits/swarm/1. */
export interface SwarmWireMessage {
  readonly contentId: ContentId;
  /** TCP port of the content server of the sender, 1 to 65535; 0 when it has none and gives nothing. */
  readonly contentPort: number;
  readonly body: SwarmWireBody;
}

/** Sends messages to members; see {@link SwarmChannel} in channel.ts. */
export interface SwarmSender {
  /**
   * Sends after whatever was sent to this member before; connects and proves membership where that is needed. Never
   * throws: what could not be sent is told by {@link SwarmChannelListener.lost}, never from inside this call.
   */
  send(to: NodeId, message: SwarmWireMessage): void;
}

/** Hears what members say. What it throws is logged and goes no further. */
export interface SwarmChannelListener {
  /** A proven member said something; order is kept for each member. */
  heard(from: SwarmPeer, contentId: ContentId, body: SwarmWireBody): void;
  /** Of what was sent to this member lately, some may not have arrived. Told once for all that waited or was on its way. */
  lost(nodeId: NodeId): void;
  /** Where a member may be reached, best first; by default what the roster knows. */
  addressesOf?(nodeId: NodeId): readonly SwarmAddress[];
}
