import type { ByteRange } from '../../core/byte-range.ts';
import type { ContentId } from '../../core/ids.ts';
import type { ByteSink } from '../../core/source.ts';

/** The pieces of one content that this node can give now, also while it still fetches the rest. */
export interface SharedPieces {
  /** Names the content in receipts: `descriptorId` of content/descriptor.ts, 32 bytes. */
  readonly descriptorId: Uint8Array;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Bytes of each piece but the last. */
  readonly pieceSize: number;
  /** SHA-256 of a piece that can be given; null for one that cannot. */
  hashOf(piece: number): Uint8Array | null;
  /**
   * Hands the bytes of whole pieces to `sink`, in order and in chunks of at most 1 MiB, which may be given back to the
   * shared pool. Each piece is compared with its hash before any of it is handed out.
   * @throws NearbitsError E_CACHE_DAMAGED when a piece is not what it was, E_NOT_FOUND when it cannot be given any more, E_IO.
   */
  read(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void>;
  /** The descriptor of the content, signed by this node, for neighbours that know no pieces; null when they cannot have it yet. */
  signedDescriptor(): Uint8Array | null;
}

/** Where the server of pieces looks. */
export interface PieceShelf {
  /** What can be given of a content, or null. */
  find(contentId: ContentId): SharedPieces | null;
  /** Whether the user waits for a file that is not this content: half of the places stay empty then. */
  isUserBusyElsewhere(contentId: ContentId): boolean;
  /** Bytes of a content that went to a neighbour with one answer, complete or not. */
  given(contentId: ContentId, bytes: number): void;
  /** A request was refused with an HTTP status; `contentId` null when it was not looked at so far. */
  refused(contentId: ContentId | null, status: number): void;
}
