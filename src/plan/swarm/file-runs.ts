import type { PieceRun } from './piece-set.ts';

const MIB = 1024 * 1024;
/** An owner asks the origin for at least this much at once, where the file has it. */
export const MIN_RUN_BYTES = 4 * MIB;
/** And for at most about this much, so that what a dead owner leaves behind is small. */
export const MAX_RUN_BYTES = 16 * MIB;
/** As many runs as this are wanted: enough to keep all owners busy to the end of the file. */
const WANTED_RUNS = 64;

/** How a file is cut: pieces are proven, runs of pieces are owned. */
export interface FileRuns {
  readonly size: number;
  readonly pieceSize: number;
  readonly pieces: number;
  readonly piecesPerRun: number;
  readonly runs: number;
}

/**
 * Cuts a file. It depends on the file alone: members see different numbers of members, and must cut alike.
 * Without proof for single pieces (`anchored` false) the whole file is one run.
 */
export function cutFile(size: number, pieceSize: number, anchored: boolean): FileRuns {
  const pieces = Math.max(1, Math.ceil(size / pieceSize));
  const runBytes = Math.min(MAX_RUN_BYTES, Math.max(MIN_RUN_BYTES, size / WANTED_RUNS));
  const piecesPerRun = anchored ? Math.max(1, Math.round(runBytes / pieceSize)) : pieces;
  return { size, pieceSize, pieces, piecesPerRun, runs: Math.ceil(pieces / piecesPerRun) };
}

/** The pieces of a run. */
export function piecesOf(run: number, file: FileRuns): PieceRun {
  const first = run * file.piecesPerRun;
  return { first, end: Math.min(first + file.piecesPerRun, file.pieces) };
}

/** The run that a piece belongs to. */
export function runOf(piece: number, file: FileRuns): number {
  return Math.floor(piece / file.piecesPerRun);
}
