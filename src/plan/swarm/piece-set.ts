/** Pieces `first <= index < end` of a file. */
export interface PieceRun {
  readonly first: number;
  readonly end: number;
}

/** A set of the pieces of one file, one bit each. */
export class PieceSet {
  /** How many pieces the file has. */
  readonly length: number;
  readonly words: Uint32Array;
  #size = 0;

  constructor(length: number) {
    this.length = length;
    this.words = new Uint32Array(Math.ceil(length / 32));
  }

  /** A set of these runs; what lies outside the file is ignored. */
  static of(length: number, runs: Iterable<PieceRun>): PieceSet {
    const set = new PieceSet(length);
    for (const run of runs) set.addRun(run);
    return set;
  }

  /** How many pieces are in the set. */
  get size(): number {
    return this.#size;
  }

  get isComplete(): boolean {
    return this.#size === this.length;
  }

  has(piece: number): boolean {
    return ((this.words[piece >>> 5] as number) & (1 << (piece & 31))) !== 0;
  }

  /** Adds a piece of the file; true when it is new. */
  add(piece: number): boolean {
    if (piece < 0 || piece >= this.length || this.has(piece)) return false;
    this.words[piece >>> 5] = (this.words[piece >>> 5] as number) | (1 << (piece & 31));
    this.#size++;
    return true;
  }

  /** Adds the pieces of a run that lie in the file, and returns those that are new. */
  addRun({ first, end }: PieceRun): number[] {
    const added: number[] = [];
    for (let piece = Math.max(0, first); piece < Math.min(end, this.length); piece++) {
      if (this.add(piece)) added.push(piece);
    }
    return added;
  }

  delete(piece: number): void {
    if (!this.has(piece)) return;
    this.words[piece >>> 5] = (this.words[piece >>> 5] as number) & ~(1 << (piece & 31));
    this.#size--;
  }

  /** The pieces in order. */
  *[Symbol.iterator](): Generator<number> {
    for (let piece = 0; piece < this.length; piece++) if (this.has(piece)) yield piece;
  }

  /** The set as runs, in order: how it travels. */
  runs(): PieceRun[] {
    return runsOf(this);
  }
}

/** Pieces in rising order as runs. */
export function runsOf(pieces: Iterable<number>): PieceRun[] {
  const runs: { first: number; end: number }[] = [];
  for (const piece of pieces) {
    const last = runs.at(-1);
    if (last?.end === piece) last.end++;
    else runs.push({ first: piece, end: piece + 1 });
  }
  return runs;
}
