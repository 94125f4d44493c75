import type { Hash } from 'node:crypto';
import type { ByteRange } from '../core/byte-range.ts';
import { cutIntoPieces, HASH_BYTES, type Piece } from '../core/pieces.ts';
import { RangeSet } from '../core/range-set.ts';

/** The beginning of a piece that the origin sent and that is written, but not proven before the rest follows. */
export interface SpanHead {
  /** Where the piece begins. */
  readonly start: number;
  /** The first byte that is not there. */
  readonly offset: number;
  /** The state of SHA-256 over the bytes from `start` up to `offset`; whoever goes on works with a copy. */
  readonly hash: Hash;
}

/** Which bytes of a file are there: pieces with their hashes, and heads of pieces. Knows nothing of disks. */
export class PieceBook {
  /** All bytes that are wanted. */
  readonly wanted: RangeSet;
  readonly pieceSize: number;
  /** The wanted ranges cut at the piece grid. */
  readonly grid: readonly ByteRange[];
  readonly #heads = new Map<number, SpanHead>();
  // Packed, because a book of 8,192 pieces stays in memory while its file is paused.
  readonly #hashes: Uint8Array;
  readonly #hashed: Uint8Array;
  #proven = RangeSet.empty;

  constructor(wanted: RangeSet, pieceSize: number) {
    this.wanted = wanted;
    this.pieceSize = pieceSize;
    this.grid = cutIntoPieces(wanted, pieceSize);
    this.#hashes = new Uint8Array(this.grid.length * HASH_BYTES);
    this.#hashed = new Uint8Array(this.grid.length);
  }

  /** Bytes that are written and whose hash is known to be right. */
  get proven(): RangeSet {
    return this.#proven;
  }

  /** Beginnings of unfinished pieces, by the start of the piece. */
  get heads(): ReadonlyMap<number, SpanHead> {
    return this.#heads;
  }

  /** Marks bytes as proven; the heads of pieces that are complete now are forgotten. */
  prove(ranges: RangeSet): void {
    this.#proven = this.#proven.union(ranges);
    for (const { start, offset } of this.#heads.values()) {
      if (this.#proven.covers({ start, end: offset })) this.#heads.delete(start);
    }
  }

  /** Pieces of the grid in `ranges` that are wholly proven and have no hash yet. */
  unhashed(ranges: RangeSet): ByteRange[] {
    return this.#indexes(ranges)
      .filter((index) => this.#hashed[index] === 0)
      .map((index) => this.grid[index] as ByteRange)
      .filter((piece) => this.#proven.covers(piece));
  }

  /** Keeps the hash of a piece of the grid. */
  remember(piece: Piece): void {
    const index = this.#firstAt(piece.start);
    this.#hashes.set(piece.hash, index * HASH_BYTES);
    this.#hashed[index] = 1;
  }

  /** All pieces whose hash is known, in order; complete only when the file is. */
  pieces(): Piece[] {
    return this.grid.flatMap((piece, index) =>
      this.#hashed[index] === 0 ? [] : [{ ...piece, hash: this.#hash(index) }],
    );
  }

  /** The hash of the piece of the grid that begins at `start`, or null while it is not known. */
  hashAt(start: number): Uint8Array | null {
    const index = this.#firstAt(start);
    return this.#hashed[index] === 1 ? this.#hash(index) : null;
  }

  /** Keeps a head, in place of an older one of the same piece. */
  keepHead(head: SpanHead): void {
    this.#heads.set(head.start, head);
  }

  /** Forgets the heads that have bytes in `range`, because those are about to be overwritten. */
  forgetHeads(range: ByteRange): void {
    for (const { start, offset } of this.#heads.values()) {
      if (start < range.end && offset > range.start) this.#heads.delete(start);
    }
  }

  /** The piece of the grid that begins at `start`, or null. */
  pieceAt(start: number): ByteRange | null {
    const piece = this.grid[this.#firstAt(start)];
    return piece?.start === start ? piece : null;
  }

  /** The same bytes and those that must be there to prove them: widened to the pieces of the grid. */
  widen(ranges: RangeSet): RangeSet {
    return RangeSet.of(...this.#indexes(ranges).map((index) => this.grid[index] as ByteRange));
  }

  #hash(index: number): Uint8Array {
    return this.#hashes.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  #indexes(ranges: RangeSet): number[] {
    const found = new Set<number>();
    for (const { start, end } of ranges.ranges) {
      for (let index = this.#firstAt(start); index < this.grid.length; index++) {
        if ((this.grid[index] as ByteRange).start >= end) break;
        found.add(index);
      }
    }
    return [...found];
  }

  // Binary search: a file has up to 8,692 pieces and each is committed once.
  #firstAt(offset: number): number {
    let low = 0;
    let high = this.grid.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.grid[middle] as ByteRange).end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
