import { expect, it } from 'vitest';
import { PieceLists } from '../../../src/cache/piece-lists.ts';
import { newRecordId } from '../../../src/core/ids.ts';
import type { Piece } from '../../../src/core/pieces.ts';

const list = (count: number): Piece[] =>
  Array.from({ length: count }, (_, index) => ({ start: index, end: index + 1, hash: new Uint8Array(32) }));

it('keeps the lists used last, up to 16,384 pieces', () => {
  const lists = new PieceLists();
  const [a, b, c] = [newRecordId(), newRecordId(), newRecordId()];
  lists.keep(a, list(8192));
  lists.keep(b, list(8192));
  expect(lists.get(a)).toHaveLength(8192);
  lists.keep(c, list(1));
  expect([a, b, c].map((id) => lists.get(id)?.length)).toEqual([8192, undefined, 1]);
});

it('counts a list that is kept again once', () => {
  const lists = new PieceLists();
  const [a, b] = [newRecordId(), newRecordId()];
  for (let turn = 0; turn < 5; turn++) lists.keep(a, list(8192));
  lists.keep(b, list(8192));
  expect([a, b].map((id) => lists.get(id)?.length)).toEqual([8192, 8192]);
});
