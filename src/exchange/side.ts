import type { ByteRange } from '../core/byte-range.ts';
import type { NearbitsError } from '../core/errors.ts';
import type { ContentId, NodeId } from '../core/ids.ts';
import type { ByteSink } from '../core/source.ts';
import type { SwarmPeer, SwarmPort } from '../peer/swarm/swarm-port.ts';

/** Who was heard to want or have a content, and how long ago. */
export interface Interested {
  readonly nodeId: NodeId;
  readonly ageMs: number;
}

/** Whole pieces to ask a neighbour for. */
export interface PieceQuestion {
  readonly contentId: ContentId;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly pieceSize: number;
  readonly range: ByteRange;
}

/** Who takes the answer: the receipts come before the first byte and may be refused by throwing. */
export interface PieceTaker {
  readonly onReceipts: (receipts: readonly Uint8Array[]) => void;
  readonly sink: ByteSink;
}

/** The open side towards the neighbours, as the exchange uses it. */
export interface ExchangeSide {
  readonly swarm: SwarmPort & { interestedIn(contentId: ContentId): readonly Interested[] };
  /** @throws NearbitsError with an E_PEER_ code, or what the taker throws. */
  fetchPieces(from: SwarmPeer, question: PieceQuestion, taker: PieceTaker, signal: AbortSignal): Promise<void>;
  /** @throws NearbitsError with an E_PEER_ code. */
  fetchDescriptor(from: SwarmPeer, contentId: ContentId, signal: AbortSignal): Promise<Uint8Array>;
  /** A neighbour failed while it was used. */
  failed(nodeId: NodeId, error: NearbitsError): void;
}
