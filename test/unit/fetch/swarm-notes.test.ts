import { expect, test } from 'vitest';
import { sumsText, togetherText } from '../../../src/fetch/swarm-notes.ts';
import { testNodeId } from '../../support/node-ids.ts';

const MIB = 1024 * 1024;
const NOTHING = { origin: 0, peer: 0, givers: new Map(), given: 0, hasMet: false };

test('it is told what can be proven, because that decides when bytes are passed on', () => {
  expect(togetherText(17)).toContain('each of its 17 pieces can be proven');
  expect(togetherText(null)).toContain('only the whole of it can be proven');
});

test('whoever gave is named with how much, the most first', () => {
  const givers = new Map([
    [testNodeId(1), MIB],
    [testNodeId(2), 0],
    [testNodeId(3), 3 * MIB],
  ]);
  expect(sumsText({ origin: 2 * MIB, peer: 4 * MIB, givers, given: 5 * MIB, hasMet: true })).toBe(
    `2 MiB came from the origin, 4 MiB from neighbours (3 MiB from ${testNodeId(3)}, 1 MiB from ${testNodeId(1)}); ` +
      '5 MiB went on to neighbours so far',
  );
});

test('a crowd of givers is cut short', () => {
  const givers = new Map(Array.from({ length: 9 }, (_, index) => [testNodeId(index), (9 - index) * MIB] as const));
  const text = sumsText({ origin: 0, peer: 45 * MIB, givers, given: 0, hasMet: true });
  expect(text).toMatch(
    /^nothing came from the origin, 45 MiB from neighbours \(9 MiB from .* and 10 MiB from 4 more\)$/,
  );
});

test('a node that nobody gave anything says whether anybody was there', () => {
  const alone = sumsText({ ...NOTHING, origin: 8 * MIB });
  expect(alone).toBe('8 MiB came from the origin: no neighbour had it, or wanted it at the same time');
  const owner = sumsText({ ...NOTHING, origin: 8 * MIB, given: MIB, hasMet: true });
  expect(owner).toBe(
    '8 MiB came from the origin, on behalf of neighbours that want it too; 1 MiB went on to neighbours so far',
  );
});
