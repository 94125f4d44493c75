import { describe, expect, it } from 'vitest';
import { parseRequestedRange, resolveRanges } from '../../../src/core/byte-range.ts';

const resolve = (size: number, ...texts: string[]) => resolveRanges(texts.map(parseRequestedRange), size);

describe('requested ranges', () => {
  it('include both ends, as in HTTP, and may be open', () => {
    expect(resolve(1000, '0-499', '900-')).toEqual([
      { start: 0, end: 500 },
      { start: 900, end: 1000 },
    ]);
  });

  it('keep the order they were asked in', () => {
    expect(resolve(1000, '500-599', '0-99').map((range) => range.start)).toEqual([500, 0]);
  });

  it.each(['', '5', '-5', 'a-b', '1-2-3', '0x1-2', '9-3', '1.5-2', '0-9007199254740992', '99999999999999999-'])(
    'refuse %j',
    (text) => {
      expect(() => parseRequestedRange(text)).toThrow(expect.objectContaining({ code: 'E_INVALID_RANGE' }));
    },
  );

  it.each([
    [['0-9', '5-14'], /overlap/],
    [['0-9', '9-9'], /overlap/],
    [['0-1000'], /beyond the end/],
    [['1000-'], /empty/],
    [['2000-3000'], /beyond the end/],
  ])('refuse %j in a file of 1000 bytes', (texts, reason) => {
    expect(() => resolve(1000, ...texts)).toThrow(reason);
  });
});
