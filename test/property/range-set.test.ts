import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeSet } from '../../src/core/range-set.ts';

const UNIVERSE = 64;
const range = fc
  .tuple(fc.integer({ min: 0, max: UNIVERSE }), fc.integer({ min: 0, max: UNIVERSE }))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
const set = fc.array(range, { maxLength: 12 }).map((ranges) => RangeSet.of(...ranges));

/** The same set as one boolean per byte: slow, and obviously right. */
function bytes(ranges: RangeSet): boolean[] {
  return Array.from({ length: UNIVERSE }, (_, at) => ranges.ranges.some((it) => it.start <= at && at < it.end));
}

function combine(a: RangeSet, b: RangeSet, rule: (a: boolean, b: boolean) => boolean): boolean[] {
  const right = bytes(b);
  return bytes(a).map((inA, at) => rule(inA, right[at] as boolean));
}

describe('range sets', () => {
  it('are sorted, disjoint and never touch', () => {
    fc.assert(
      fc.property(set, (it) => {
        for (const [index, current] of it.ranges.entries()) {
          expect(current.start).toBeLessThan(current.end);
          const next = it.ranges[index + 1];
          if (next !== undefined) expect(current.end).toBeLessThan(next.start);
        }
      }),
    );
  });

  it('unite, intersect and subtract like sets of bytes', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(bytes(a.union(b))).toEqual(combine(a, b, (x, y) => x || y));
        expect(bytes(a.intersect(b))).toEqual(combine(a, b, (x, y) => x && y));
        expect(bytes(a.subtract(b))).toEqual(combine(a, b, (x, y) => x && !y));
      }),
    );
  });

  it('are the same whether ranges come one by one or at once', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), (ranges) => {
        const oneByOne = ranges.reduce((sum, it) => sum.add(it), RangeSet.empty);
        expect(oneByOne.ranges).toEqual(RangeSet.of(...ranges).ranges);
        expect(ranges.reduce((sum, it) => sum.union(RangeSet.of(it)), RangeSet.empty).equals(oneByOne)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('count and compare like sets of bytes', () => {
    fc.assert(
      fc.property(set, set, range, (a, b, one) => {
        expect(a.size).toBe(bytes(a).filter(Boolean).length);
        expect(a.equals(b)).toBe(bytes(a).join() === bytes(b).join());
        expect(a.coversAll(b)).toBe(combine(a, b, (x, y) => x || !y).every(Boolean));
        expect(a.covers(one)).toBe(bytes(a).slice(one.start, one.end).every(Boolean));
      }),
    );
  });
});
