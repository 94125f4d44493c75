import { expect, it } from 'vitest';
import { Settling } from '../../../../src/plan/swarm/settling.ts';

const seats = (...ids: string[]) => ids.map((id) => ({ id, seed: 0 }));
const KNOWN = { areKnown: true, answeredMs: 0 };

/** The first of these times at which it is over. */
function overMs(settling: Settling, answers: { areKnown: boolean; answeredMs: number }, fromMs: number): number {
  let nowMs = fromMs;
  while (!settling.isOver(answers, nowMs)) nowMs += 10;
  return nowMs;
}

it('listens for a moment where nobody else is', () => {
  const settling = new Settling();
  settling.note(seats('me'), 5_000);
  expect(overMs(settling, KNOWN, 5_000)).toBe(5_100);
});

it('listens on while newcomers take seats, but not for ever', () => {
  const settling = new Settling();
  settling.note(seats('me'), 0);
  settling.note(seats('me', 'a'), 80);
  expect(settling.isOver(KNOWN, 170)).toBe(false);
  expect(settling.isOver(KNOWN, 180)).toBe(true);
  settling.note(seats('me'), 900);
  for (let nowMs = 1_000; nowMs < 2_000; nowMs += 50) settling.note(seats('me', `newcomer-${nowMs}`), nowMs);
  expect(settling.isOver(KNOWN, 1_100)).toBe(true);
});

it('waits for seats that have not answered: until none has for 2 s, or 10 s are over', () => {
  const settling = new Settling();
  settling.note(seats('me', 'a', 'b'), 0);
  expect(overMs(settling, { areKnown: false, answeredMs: Number.NEGATIVE_INFINITY }, 0)).toBe(2_000);
  expect(overMs(settling, { areKnown: false, answeredMs: 1_500 }, 0)).toBe(3_500);
  expect(overMs(settling, { areKnown: false, answeredMs: 9_500 }, 0)).toBe(10_000);
});

it('begins anew with a seat that was lost meanwhile', () => {
  const settling = new Settling();
  const all = seats('me', 'a');
  settling.note(all, 0);
  settling.note(null, 1_000);
  settling.note(all, 2_000);
  expect(overMs(settling, KNOWN, 2_000)).toBe(2_100);
});
