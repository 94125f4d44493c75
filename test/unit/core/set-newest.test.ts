import { expect, it } from 'vitest';
import { setNewest } from '../../../src/core/set-newest.ts';

it('keeps so many entries, those that were set last, in that order', () => {
  const map = new Map<string, number>();
  for (const [index, key] of ['a', 'b', 'a', 'c'].entries()) setNewest(map, key, index, 2);
  expect([...map]).toEqual([
    ['a', 2],
    ['c', 3],
  ]);
});
