import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { type PaceFailure, Watchdog } from '../../../src/origin/watchdog.ts';

const limits = { stallTimeoutMs: 1000, minBytesPerSecond: 100, rateWindowMs: 5000 };
let clock: ManualClock;
let failures: PaceFailure[];
let watchdog: Watchdog;

beforeEach(() => {
  clock = new ManualClock();
  failures = [];
  watchdog = new Watchdog({ clock }, limits, (failure) => failures.push(failure));
});

function drip(bytes: number, times: number): void {
  for (let index = 0; index < times; index++) {
    clock.advance(500);
    watchdog.progress(bytes);
  }
}

test('silence is noticed at the limit, not before', () => {
  watchdog.resume();
  clock.advance(400);
  watchdog.progress(1);
  clock.advance(999);
  expect(failures).toEqual([]);
  clock.advance(1);
  expect(failures).toEqual(['stallTimeoutMs']);
});

test('a drip that never stalls is too slow after one window', () => {
  watchdog.resume();
  drip(49, 9);
  expect(failures).toEqual([]);
  drip(49, 1);
  expect(failures).toEqual(['minBytesPerSecond']);
});

test('a body that is just fast enough goes on for ever', () => {
  watchdog.resume();
  drip(60, 100);
  expect(failures).toEqual([]);
});

test('each window is judged by itself', () => {
  watchdog.resume();
  drip(10_000, 9);
  drip(1, 11);
  expect(failures).toEqual(['minBytesPerSecond']);
});

test('time in which the receiver holds back does not count', () => {
  watchdog.resume();
  drip(51, 5);
  watchdog.pause();
  clock.advance(60_000);
  watchdog.resume();
  expect(failures).toEqual([]);
  clock.advance(999);
  expect(failures).toEqual([]);
  clock.advance(1);
  expect(failures).toEqual(['stallTimeoutMs']);
});

test('the window goes on where it was after a pause', () => {
  watchdog.resume();
  drip(1, 5);
  watchdog.pause();
  clock.advance(60_000);
  watchdog.resume();
  drip(1, 4);
  expect(failures).toEqual([]);
  drip(1, 1);
  expect(failures).toEqual(['minBytesPerSecond']);
});

test('a stopped watch leaves no timer behind', () => {
  watchdog.resume();
  watchdog.stop();
  watchdog.stop();
  expect(clock.nextTimerInMs()).toBeNull();
});
