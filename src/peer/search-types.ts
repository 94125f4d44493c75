import type { NearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { NodeId, RecordId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import type { RangeSet } from '../core/range-set.ts';

/** At most this many records are asked for and answered; Windows asks for five (BPCR 2.2.1.6). */
export const MAX_RECORDS = 5;

/** What is looked for: this version of this URL, or the file with this digest. */
export interface SearchQuery {
  /** As {@link parseOriginUrl} returns it, at most 2,200 characters. */
  readonly url: string;
  /** The version that the origin named; null: any, newest first. */
  readonly version: FileVersion | null;
  /** The bytes wanted; null: the whole file. */
  readonly ranges: RangeSet | null;
  /** SHA-256 of the whole file, 32 bytes; when given, it replaces the version. */
  readonly sha256: Uint8Array | null;
  /** 1 to {@link MAX_RECORDS}. */
  readonly maxRecords: number;
  /** Content that may come with the answer, in bytes, at most 64 KiB; 0 or absent: none. */
  readonly maxInlineBytes?: number;
  /** Who need not be asked; looked at whenever somebody is about to be. By default nobody. */
  readonly skips?: (nodeId: NodeId) => boolean;
}

/** A record of a peer, or of ours as peers see it. */
export interface PeerRecord {
  readonly id: RecordId;
  readonly version: FileVersion;
  /** Bytes held, as offsets of the origin file. */
  readonly ranges: RangeSet;
  /** Grid on which the ranges are cut into pieces. */
  readonly pieceSize: number;
  /** The pieces with their hashes that touch the wanted ranges, in order. */
  readonly pieces: readonly Piece[];
  /** The bytes of all listed pieces, one after another, where they came with the answer; nobody has checked them yet. */
  readonly inline?: Uint8Array;
}

/** What a node says to a search. */
export interface SearchAnswer {
  readonly status: 'found' | 'not-found' | 'busy' | 'invalid' | 'unauthenticated';
  readonly records: readonly PeerRecord[];
  /** TCP port of the HTTPS content server. */
  readonly contentPort: number;
  /** Slots free right now, a hint only. */
  readonly freeSlots: number;
  /** When `busy`: how long to wait before asking again, in ms. */
  readonly retryAfterMs: number;
}

/** Registers what is to be done once the answer has left (`sent`) or could not be given; it must not throw. */
export type WhenAnswered = (done: (sent: boolean) => void) => void;

/** Answers the searches of authenticated peers. What it throws becomes `busy`, because nothing else helps the asker. */
export type SearchHandler = (query: SearchQuery, from: NodeId, whenAnswered: WhenAnswered) => Promise<SearchAnswer>;

/** How one peer answered one search. */
export interface PeerAnswer {
  readonly nodeId: NodeId;
  readonly status: 'found' | 'not-found' | 'busy' | 'unauthenticated' | 'failed';
  readonly records: readonly PeerRecord[];
  /** IP address at which the peer answered; its content server listens there too. */
  readonly contentHost: string;
  readonly contentPort: number;
  readonly freeSlots: number;
  /** From the choice of the peer to its answer, connecting and authenticating included. */
  readonly elapsedMs: number;
  /** Why, with the statuses `busy`, `unauthenticated` and `failed`. */
  readonly error?: NearbitsError;
}

/** An answer without records. */
export function plainAnswer(status: Exclude<SearchAnswer['status'], 'found'>, retryAfterMs = 0): SearchAnswer {
  return { status, records: [], contentPort: 0, freeSlots: 0, retryAfterMs };
}
