import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import { MAX_REQUEST_BYTES, MAX_REQUEST_PIECES } from '../plan/swarm/next-requests.ts';
import type { PieceRun } from '../plan/swarm/piece-set.ts';

/** Some bytes of a file that is cut at multiples of `pieceSize`. */
export interface PieceRange {
  /** Bytes of the whole file. */
  readonly size: number;
  /** Bytes of each piece but the last. */
  readonly pieceSize: number;
  readonly range: ByteRange;
}

/** The pieces that make up the range; null when it is not one or more whole pieces of the file, or too much for one request. */
export function pieceRunOf({ size, pieceSize, range }: PieceRange): PieceRun | null {
  const { start, end } = range;
  const isWhole = start % pieceSize === 0 && (end % pieceSize === 0 || end === size);
  if (!isWhole || start < 0 || start >= end || end > size) return null;
  const run = { first: start / pieceSize, end: Math.ceil(end / pieceSize) };
  const count = run.end - run.first;
  const isShort = count === 1 || (count <= MAX_REQUEST_PIECES && rangeLength(range) <= MAX_REQUEST_BYTES);
  return isShort ? run : null;
}
