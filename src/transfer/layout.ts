import { type ByteRange, intersectRanges, rangeLength } from '../core/byte-range.ts';

/** A part of the origin file and where it lies in the local file. */
export interface Placement {
  readonly range: ByteRange;
  /** Offset in the local file of the first byte of `range`. */
  readonly position: number;
}

/** Where ranges lie in the local file: in the order they were asked for, back to back (BITS: AddFileWithRanges). */
export function placeRanges(ranges: readonly ByteRange[]): Placement[] {
  let position = 0;
  return ranges.map((range) => {
    const placement = { range, position };
    position += rangeLength(range);
    return placement;
  });
}

/** The parts of `range` that are wanted at all, each with its place in the local file. */
export function locate(placements: readonly Placement[], range: ByteRange): Placement[] {
  const parts: Placement[] = [];
  for (const placement of placements) {
    const common = intersectRanges(placement.range, range);
    if (common === null) continue;
    parts.push({ range: common, position: placement.position + common.start - placement.range.start });
  }
  return parts;
}
