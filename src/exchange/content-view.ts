import type { ContentId, NodeId } from '../core/ids.ts';
import { bytesOf } from './content.ts';
import type { Participant } from './participant.ts';

/** Bytes of a file that a node fetches from the origin: `start <= byte < end`, of which those before `position` are there. */
export interface OriginView {
  readonly start: number;
  readonly end: number;
  readonly position: number;
}

/** A neighbour with whom pieces are exchanged, for people. */
export interface PartnerView {
  readonly nodeId: NodeId;
  /** How many pieces it says it can give. */
  readonly pieces: number;
  /** What it says it fetches from the origin for everybody; null when nothing. */
  readonly fromOrigin: OriginView | null;
}

/**
 * What a node does with a content: `fetching` it; `checking`, when it is all here and has to be found right before
 * others may have it; or `giving` it, which needs nothing more for itself.
 */
export type ContentState = 'fetching' | 'checking' | 'giving';

/** What a node does in one content, for people. */
export interface ContentView {
  readonly contentId: ContentId;
  readonly url: string;
  readonly bytes: number;
  readonly pieces: number;
  readonly piecesHere: number;
  /** Whether single pieces can be proven, so that they are given before the whole file is there. */
  readonly anchored: boolean;
  readonly state: ContentState;
  /** When this node joined, milliseconds since 1970. */
  readonly joinedMs: number;
  /** What this node fetches from the origin for everybody; null when nothing. */
  readonly fromOrigin: OriginView | null;
  readonly partners: readonly PartnerView[];
  /** Neighbours that gave wrong bytes. */
  readonly banned: readonly NodeId[];
  /** Bytes that went to neighbours and came from them, good or not. */
  readonly givenBytes: number;
  readonly takenBytes: number;
}

/** What a participant does at a (monotonic) time. */
export function viewOf(participant: Participant, nowMs: number): ContentView {
  const { content, swarm, joinedMs, bannedNodes, givenBytes, takenBytes } = participant;
  const fromOrigin = (nodeId: string): OriginView | null => {
    const lease = swarm.leaseOf(nodeId, nowMs);
    return lease === null ? null : { ...bytesOf(lease, content), position: lease.position };
  };
  return {
    contentId: content.id,
    url: content.url,
    bytes: content.version.size,
    pieces: swarm.have.length,
    piecesHere: swarm.have.size,
    anchored: content.anchored !== null,
    state: stateOf(participant),
    joinedMs,
    fromOrigin: fromOrigin(participant.self),
    // The swarm keeps the ids that it was told by the exchange.
    partners: swarm.offers.map(({ id, pieces }) => ({ nodeId: id as NodeId, pieces, fromOrigin: fromOrigin(id) })),
    banned: bannedNodes,
    givenBytes,
    takenBytes,
  };
}

function stateOf({ isFetching, awaitsVerdict }: Participant): ContentState {
  if (awaitsVerdict) return 'checking';
  return isFetching ? 'fetching' : 'giving';
}
