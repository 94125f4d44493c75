import type { ByteRange } from '../../core/byte-range.ts';
import { CHUNK_BYTES } from '../../core/chunk-pool.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { PieceRun } from '../../plan/swarm/piece-set.ts';

/** How a file is cut. */
export interface PieceGrid {
  /** Bytes of the whole file. */
  readonly size: number;
  /** Bytes of each piece but the last. */
  readonly pieceSize: number;
}

/** The bytes of some pieces. */
export function rangeOf({ first, end }: PieceRun, { size, pieceSize }: PieceGrid): ByteRange {
  return { start: first * pieceSize, end: Math.min(end * pieceSize, size) };
}

/**
 * Cuts whole pieces into batches, in order: as many pieces as fit into one chunk of 1 MiB, or one that is larger.
 * @throws NearbitsError E_INVALID_RANGE when they are not whole pieces of the file.
 */
export function cutBatches({ start, end }: ByteRange, grid: PieceGrid): PieceRun[] {
  const { size, pieceSize } = grid;
  const isWhole = start % pieceSize === 0 && (end % pieceSize === 0 || end === size);
  if (!isWhole || start < 0 || start > end || end > size) {
    throw new NearbitsError('E_INVALID_RANGE', 'not whole pieces of the file', { details: { start, end } });
  }
  const perBatch = Math.max(1, Math.floor(CHUNK_BYTES / pieceSize));
  const last = Math.ceil(end / pieceSize);
  const runs: PieceRun[] = [];
  for (let first = start / pieceSize; first < last; first += perBatch) {
    runs.push({ first, end: Math.min(first + perBatch, last) });
  }
  return runs;
}
