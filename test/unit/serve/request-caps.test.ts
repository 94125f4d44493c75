import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { RequestCaps } from '../../../src/serve/request-caps.ts';
import { testNodeId } from '../../support/node-ids.ts';

const peer = testNodeId(1);

function caps(options: Partial<ConstructorParameters<typeof RequestCaps>[1]> = {}) {
  const clock = new ManualClock();
  return { clock, caps: new RequestCaps({ clock }, { maxParallel: 2, perMinute: 60, burst: 3, ...options }) };
}

test('so many at once, the next when one has ended', () => {
  const { caps: own } = caps();
  expect([own.enter(peer), own.enter(peer)]).toEqual([null, null]);
  expect(own.enter(peer)).toBeGreaterThan(0);
  own.leave(peer);
  expect(own.enter(peer)).toBeNull();
});

test('a burst after a pause, then the average rate', () => {
  const { caps: own, clock } = caps({ maxParallel: 100 });
  expect([own.enter(peer), own.enter(peer), own.enter(peer)]).toEqual([null, null, null]);
  expect(own.enter(peer)).toBe(1_000);
  clock.advance(999);
  expect(own.enter(peer)).toBe(1);
  clock.advance(1);
  expect(own.enter(peer)).toBeNull();
});

test('one peer does not use up the share of another', () => {
  const { caps: own } = caps();
  own.enter(peer);
  own.enter(peer);
  expect(own.enter(testNodeId(2))).toBeNull();
});

test('peers that were silent are forgotten, busy ones are not', () => {
  const { caps: own, clock } = caps({ maxParallel: 1 });
  own.enter(peer);
  clock.advance(60_000);
  for (let index = 2; index < 600; index++) {
    expect(own.enter(testNodeId(index))).toBeNull();
    own.leave(testNodeId(index));
    clock.advance(1_000);
  }
  expect(own.enter(peer)).not.toBeNull();
});
