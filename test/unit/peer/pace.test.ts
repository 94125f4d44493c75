import { expect, test, vi } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { Pace } from '../../../src/peer/pace.ts';

function watch(stallBytes = 100) {
  const clock = new ManualClock();
  const stalled = vi.fn();
  const pace = new Pace({ clock }, { stallTimeoutMs: 1_000, stallBytes }, stalled);
  pace.resume();
  return { clock, pace, stalled };
}

test('silence is a stall', () => {
  const { clock, pace, stalled } = watch();
  clock.advance(900);
  pace.progress(100);
  clock.advance(999);
  expect(stalled).not.toHaveBeenCalled();
  clock.advance(1);
  expect(stalled).toHaveBeenCalledOnce();
});

test('drops of a few bytes are one too', () => {
  const { clock, pace, stalled } = watch();
  for (let step = 0; step < 10; step++) {
    pace.progress(9);
    clock.advance(100);
  }
  expect(stalled).toHaveBeenCalledOnce();
});

test('time in which the receiver holds back does not count', () => {
  const { clock, pace, stalled } = watch();
  clock.advance(900);
  pace.pause();
  clock.advance(60_000);
  pace.resume();
  clock.advance(999);
  expect(stalled).not.toHaveBeenCalled();
  clock.advance(1);
  expect(stalled).toHaveBeenCalledOnce();
});

test('nothing is watched any more after the end', () => {
  const { clock, pace, stalled } = watch();
  pace.stop();
  clock.advance(60_000);
  expect(stalled).not.toHaveBeenCalled();
  expect(clock.nextTimerInMs()).toBeNull();
});
