import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { PeerChoice } from '../../../src/plan/peer-choice.ts';

const peers = (authenticated: number, others: number) => [
  ...Array.from({ length: authenticated }, (_, index) => ({ name: `a${index}`, authenticated: true })),
  ...Array.from({ length: others }, (_, index) => ({ name: `o${index}`, authenticated: false })),
];
const countAuthenticated = (chosen: readonly { authenticated: boolean }[]) =>
  chosen.filter(({ authenticated }) => authenticated).length;

test('with 30 % authenticated peers or more, only those are asked', () => {
  const known = peers(12, 28);
  expect(countAuthenticated(new PeerChoice(known, 10, seededRandom(1)).next(known, 10))).toBe(10);
});

test('with fewer, they take half of the places', () => {
  const known = peers(11, 29);
  expect(countAuthenticated(new PeerChoice(known, 10, seededRandom(1)).next(known, 10))).toBe(5);
});

test('places stay empty only when nobody is left', () => {
  const known = peers(8, 1);
  expect(new PeerChoice(known, 10, seededRandom(1)).next(known, 10)).toHaveLength(9);
  const few = peers(1, 19);
  const choice = new PeerChoice(few, 10, seededRandom(1));
  expect(countAuthenticated(choice.next(few, 10))).toBe(1);
});

test('a failed peer is replaced by one that was not asked, whoever is left', () => {
  const known = peers(9, 40);
  const choice = new PeerChoice(known, 10, seededRandom(5));
  const tried = new Set(choice.next(known, 10));
  expect(countAuthenticated([...tried])).toBe(5);
  for (let round = 0; round < 39; round++) {
    const [next] = choice.next(
      known.filter((peer) => !tried.has(peer)),
      1,
    );
    expect(next).toBeDefined();
    if (next !== undefined) tried.add(next);
  }
  expect(tried.size).toBe(49);
});

test('never more than asked for, never one twice', () => {
  fc.assert(
    fc.property(fc.nat({ max: 30 }), fc.nat({ max: 30 }), fc.nat({ max: 20 }), fc.nat(), (a, o, count, seed) => {
      const known = peers(a, o);
      const chosen = new PeerChoice(known, count, seededRandom(seed)).next(known, count);
      expect(new Set(chosen).size).toBe(chosen.length);
      expect(chosen.length).toBe(Math.min(count, known.length));
    }),
  );
});
