import { type ByteRange, rangeLength } from './byte-range.ts';

/**
 * An immutable set of bytes, kept as sorted, disjoint, non-adjacent ranges.
 * All operations are linear in the number of ranges.
 */
export class RangeSet {
  static readonly empty: RangeSet = new RangeSet([]);

  readonly #ranges: readonly ByteRange[];
  #size: number | null = null;

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
    this.#size ??= this.#ranges.reduce((sum, range) => sum + rangeLength(range), 0);
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Bytes in either set. */
  union(other: RangeSet): RangeSet {
    const [only, ...more] = other.#ranges;
    if (only === undefined) return this;
    return more.length === 0 ? this.add(only) : RangeSet.of(...this.#ranges, ...other.#ranges);
  }

  /** This set with one more range. */
  add({ start, end }: ByteRange): RangeSet {
    if (start >= end) return this;
    // What overlaps or touches it becomes one with it.
    const from = this.#countBelow((range) => range.end < start);
    const to = this.#countBelow((range) => range.start <= end);
    const first = Math.min(start, this.#ranges[from]?.start ?? start);
    const last = Math.max(end, this.#ranges[to - 1]?.end ?? end);
    return new RangeSet(this.#ranges.toSpliced(from, to - from, { start: first, end: last }));
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

  // Binary search: the condition holds for the first so many and for none behind them.
  #countBelow(holds: (range: ByteRange) => boolean): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.#ranges[middle] as ByteRange)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
