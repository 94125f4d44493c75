import { describe, expect, it } from 'vitest';
import { cutIntoPieces, MAX_PIECES, MIN_PIECE_BYTES, pieceSizeFor } from '../../../src/core/pieces.ts';
import { RangeSet } from '../../../src/core/range-set.ts';

describe('pieces', () => {
  it('are 1 MiB up to 8 GiB and then grow by doubling', () => {
    const gib = 1024 ** 3;
    expect(pieceSizeFor(0)).toBe(MIN_PIECE_BYTES);
    expect(pieceSizeFor(8 * gib)).toBe(MIN_PIECE_BYTES);
    expect(pieceSizeFor(8 * gib + 1)).toBe(2 * MIN_PIECE_BYTES);
    expect(pieceSizeFor(Number.MAX_SAFE_INTEGER)).toBeGreaterThan(0);
    expect(Number.MAX_SAFE_INTEGER / pieceSizeFor(Number.MAX_SAFE_INTEGER)).toBeLessThanOrEqual(MAX_PIECES);
  });

  it('are held ranges cut at multiples of the piece size', () => {
    const ranges = RangeSet.of({ start: 5, end: 25 }, { start: 30, end: 31 });
    expect(cutIntoPieces(ranges, 10)).toEqual([
      { start: 5, end: 10 },
      { start: 10, end: 20 },
      { start: 20, end: 25 },
      { start: 30, end: 31 },
    ]);
  });
});
