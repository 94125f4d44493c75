import type { RequestedRange } from '../../core/byte-range.ts';
import type { RangeSet } from '../../core/range-set.ts';
import type { FilledRange, JobRange } from './view.ts';

/** A range as BITS writes it (offset and length) as the node writes it (start and end). */
export function requestedRange({ offset, length }: JobRange): RequestedRange {
  return { start: offset, end: length === 'EOF' ? null : offset + length };
}

/** The same backwards, for ranges that are there. */
export function filledRanges(set: RangeSet): FilledRange[] {
  return set.ranges.map(({ start, end }) => ({ offset: start, length: end - start }));
}
