import { type ByteRange, intersectRanges, rangeLength } from './byte-range.ts';
import type { RangeSet } from './range-set.ts';

/** Bytes of a SHA-256 digest. */
export const HASH_BYTES = 32;

/** Smallest piece: 1 MiB. */
export const MIN_PIECE_BYTES = 1024 * 1024;

/** A file is cut in at most this many grid cells, so that a list of hashes stays below 256 KiB. */
export const MAX_PIECES = 8192;

/**
 * The part of a file that is hashed and verified as one: a held range cut at
 * multiples of the piece size, so at most that long, shorter at the ends of a range.
 */
export interface Piece extends ByteRange {
  /** SHA-256 of the bytes, 32 bytes. */
  readonly hash: Uint8Array;
}

/** Piece size for a file of `size` bytes: 1 MiB, doubled until {@link MAX_PIECES} suffice. */
export function pieceSizeFor(size: number): number {
  let pieceSize = MIN_PIECE_BYTES;
  while (size / pieceSize > MAX_PIECES) pieceSize *= 2;
  return pieceSize;
}

/** Cuts ranges at multiples of `pieceSize`, in order. */
export function cutIntoPieces(ranges: RangeSet, pieceSize: number): ByteRange[] {
  return ranges.ranges.flatMap((range) => cutRange(range, pieceSize));
}

function cutRange(range: ByteRange, pieceSize: number): ByteRange[] {
  const pieces: ByteRange[] = [];
  for (let start = range.start; start < range.end; ) {
    const end = Math.min(range.end, (Math.floor(start / pieceSize) + 1) * pieceSize);
    pieces.push({ start, end });
    start = end;
  }
  return pieces;
}

/** Bytes of all these pieces together. */
export function piecesLength(pieces: readonly ByteRange[]): number {
  return pieces.reduce((sum, piece) => sum + rangeLength(piece), 0);
}

/** Those pieces that share at least one byte with `wanted`. */
export function piecesTouching<T extends ByteRange>(pieces: readonly T[], wanted: RangeSet): T[] {
  return pieces.filter((piece) => wanted.ranges.some((range) => intersectRanges(piece, range) !== null));
}
