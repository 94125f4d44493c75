import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { Backoff, backoffMs, MAX_BACKOFF_MS } from '../../../src/notify/backoff.ts';

const none = (): number => 0;
const most = (): number => 0.999_999;

describe('backoffMs', () => {
  it('starts at the least delay and doubles up to an hour', () => {
    const delays = [1, 2, 3, 4, 5, 500].map((failures) => backoffMs(failures, 600_000, none));
    expect(delays).toEqual([600_000, 1_200_000, 2_400_000, MAX_BACKOFF_MS, MAX_BACKOFF_MS, MAX_BACKOFF_MS]);
  });

  it('adds up to a fifth by chance and never goes below the least delay', () => {
    expect(backoffMs(1, 10_000, most)).toBeGreaterThan(11_999);
    expect(backoffMs(1, 10_000, most)).toBeLessThan(12_000);
    expect(backoffMs(9, 7_200_000, none)).toBe(7_200_000);
  });

  it('never asks for more than a timer can wait, which would fire at once', () => {
    expect(backoffMs(1, Number.MAX_SAFE_INTEGER, most)).toBe(2 ** 31 - 1);
  });
});

describe('Backoff', () => {
  it('rests until the time is over and stays failing until it worked', () => {
    const clock = new ManualClock();
    const backoff = new Backoff({ clock, random: none });
    let calls = 0;
    backoff.failed(5000, () => calls++);
    clock.advance(4999);
    expect([calls, backoff.resting, backoff.failing]).toEqual([0, true, true]);
    clock.advance(1);
    expect([calls, backoff.resting, backoff.failing]).toEqual([1, false, true]);
    backoff.failed(5000, () => calls++);
    expect(clock.nextTimerInMs()).toBe(10_000);
    backoff.reset();
    expect([clock.nextTimerInMs(), backoff.resting, backoff.failing]).toEqual([null, false, false]);
  });
});
