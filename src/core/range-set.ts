import { type ByteRange, rangeLength } from './byte-range.ts';

/**
 * An immutable set of bytes, kept as sorted, disjoint, non-adjacent ranges.
 * All operations are linear in the number of ranges.
 */
export class RangeSet {
  static readonly empty: RangeSet = new RangeSet([]);

  readonly #ranges: readonly ByteRange[];

  private constructor(ranges: readonly ByteRange[]) {
    this.#ranges = ranges;
  }

  /** The set of all bytes in `ranges`, which may overlap and come in any order; empty ones are ignored. */
  static of(...ranges: readonly ByteRange[]): RangeSet {
    const sorted = ranges.filter((range) => range.start < range.end).sort((a, b) => a.start - b.start);
    const merged: { start: number; end: number }[] = [];
    for (const range of sorted) {
      const last = merged.at(-1);
      if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
      else merged.push({ start: range.start, end: range.end });
    }
    return merged.length === 0 ? RangeSet.empty : new RangeSet(merged);
  }

  /** The ranges in order: sorted, disjoint, never touching. */
  get ranges(): readonly ByteRange[] {
    return this.#ranges;
  }

  /** How many bytes the set holds. */
  get size(): number {
    return this.#ranges.reduce((sum, range) => sum + rangeLength(range), 0);
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Bytes in either set. */
  union(other: RangeSet): RangeSet {
    return RangeSet.of(...this.#ranges, ...other.#ranges);
  }

  /** This set with one more range. */
  add(range: ByteRange): RangeSet {
    return RangeSet.of(...this.#ranges, range);
  }

  /** Bytes in both sets. */
  intersect(other: RangeSet): RangeSet {
    const common: ByteRange[] = [];
    let left = 0;
    let right = 0;
    while (left < this.#ranges.length && right < other.#ranges.length) {
      const a = this.#ranges[left] as ByteRange;
      const b = other.#ranges[right] as ByteRange;
      const start = Math.max(a.start, b.start);
      const end = Math.min(a.end, b.end);
      if (start < end) common.push({ start, end });
      if (a.end < b.end) left++;
      else right++;
    }
    return RangeSet.of(...common);
  }

  /** Bytes in this set that are not in the other. */
  subtract(other: RangeSet): RangeSet {
    const left: ByteRange[] = [];
    let index = 0;
    for (const range of this.#ranges) {
      let start = range.start;
      while (index < other.#ranges.length && (other.#ranges[index] as ByteRange).end <= start) index++;
      for (let next = index; next < other.#ranges.length && start < range.end; next++) {
        const cut = other.#ranges[next] as ByteRange;
        if (cut.start >= range.end) break;
        if (cut.start > start) left.push({ start, end: cut.start });
        start = Math.max(start, cut.end);
      }
      if (start < range.end) left.push({ start, end: range.end });
    }
    return RangeSet.of(...left);
  }

  /** Whether every byte of `range` is in the set; an empty range always is. */
  covers(range: ByteRange): boolean {
    if (range.start >= range.end) return true;
    return this.#ranges.some((own) => own.start <= range.start && range.end <= own.end);
  }

  /** Whether every byte of the other set is in this one. */
  coversAll(other: RangeSet): boolean {
    return other.subtract(this).isEmpty;
  }

  /** Whether both sets hold the same bytes. */
  equals(other: RangeSet): boolean {
    return (
      this.#ranges.length === other.#ranges.length &&
      this.#ranges.every((range, index) => {
        const twin = other.#ranges[index] as ByteRange;
        return range.start === twin.start && range.end === twin.end;
      })
    );
  }
}
