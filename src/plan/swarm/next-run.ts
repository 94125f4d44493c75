import { type FileRuns, piecesOf, runOf } from './file-runs.ts';
import { isFetched, type Lease, overlap } from './leases.ts';
import type { PieceRun } from './piece-set.ts';
import { ownerOf, type Ranked, weightOf } from './weight.ts';

/** Two leases that began this close together began at the same time: neither holder could know of the other. */
const SAME_TIME_MS = 500;

/** What decides who begins what. Nodes with equal facts come to equal decisions. */
export interface RunFacts {
  readonly file: FileRuns;
  readonly self: Ranked;
  /** Seats that are not fetching from the origin and still miss something; this node is one of them. */
  readonly idle: readonly Ranked[];
  /** Whether a piece can be had from nobody: this node misses it, no partner offers it, nobody is fetching it. */
  readonly isUncovered: (piece: number) => boolean;
  /** Leases whose holder is late; a node that is alive but late hands over what is left. */
  readonly late: readonly Lease[];
}

/** What this node begins now. */
export interface Claim extends PieceRun {
  readonly takenOver: boolean;
}

/**
 * The pieces that this node fetches from the origin next, or null when that is up to others or nothing is left.
 *
 * 1. Each run with a piece that nobody can give belongs to the idle seat with the highest weight for it. A seat that is
 *    fetching owns nothing new, so the fast fetch more, and nobody waits behind a busy owner.
 * 2. When all are being fetched, what a late owner has left belongs to the idle seat with the highest weight.
 */
export function nextRun(facts: RunFacts): Claim | null {
  for (let run = 0; run < facts.file.runs; run++) {
    const open = firstOpen(run, facts);
    if (open !== null && ownerOf(run, facts.idle)?.id === facts.self.id) return { ...open, takenOver: false };
  }
  for (const lease of facts.late) {
    const others = facts.idle.filter(({ id }) => id !== lease.holder);
    const first = firstLeft(lease, facts.file);
    if (ownerOf(runOf(first, facts.file), others)?.id !== facts.self.id) continue;
    return { first, end: lease.end, takenOver: true };
  }
  return null;
}

/** Where somebody else goes on: at the piece in which the holder is; at the first, when it has all and gives nothing. */
function firstLeft(lease: Lease, file: FileRuns): number {
  return isFetched(lease, file) ? lease.first : Math.floor(lease.position / file.pieceSize);
}

/** The first stretch of a run that can be had from nobody. */
function firstOpen(run: number, { file, isUncovered }: RunFacts): PieceRun | null {
  const { first, end } = piecesOf(run, file);
  let from = first;
  while (from < end && !isUncovered(from)) from++;
  let to = from;
  while (to < end && isUncovered(to)) to++;
  return from < to ? { first: from, end: to } : null;
}

/**
 * Whether the holder of `mine` stops because somebody else fetches the same: it is late, it began clearly later, or
 * both began at once and the other one has the higher weight. Both sides judge alike, so exactly one goes on.
 */
export function yieldsTo(mine: Lease, theirs: Lease, seeds: { mine: Ranked; theirs: Ranked }, file: FileRuns): boolean {
  if (!overlap(mine, theirs)) return false;
  if (mine.takenOver !== theirs.takenOver) return theirs.takenOver;
  const laterMs = theirs.sinceMs - mine.sinceMs;
  // Who took over can be late too: then the last one to take over goes on.
  if (Math.abs(laterMs) > SAME_TIME_MS) return mine.takenOver ? laterMs > 0 : laterMs < 0;
  const run = runOf(Math.max(mine.first, theirs.first), file);
  const gap = weightOf(seeds.theirs.seed, run) - weightOf(seeds.mine.seed, run);
  return gap > 0 || (gap === 0 && seeds.theirs.id < seeds.mine.id);
}
