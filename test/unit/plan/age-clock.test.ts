import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { AgeClock, LONGEST_PAUSE_MS } from '../../../src/plan/age-clock.ts';

const DAY = 86_400_000;
const START = 1_700_000_000_000;

/** A new process whose wall clock shows `wallMs`; its monotonic clock begins again. */
const restart = (age: AgeClock, wallMs: number) => new AgeClock(age.snapshot(), new ManualClock(wallMs));

describe('AgeClock', () => {
  it('begins at 0 and follows the time that passes', () => {
    const clock = new ManualClock(START);
    const age = new AgeClock(null, clock);
    expect(age.now()).toBe(0);
    clock.advance(3 * DAY);
    expect(age.now()).toBe(3 * DAY);
    expect(age.snapshot()).toEqual({ ageMs: 3 * DAY, wallMs: START + 3 * DAY });
  });

  it('begins at 0 also in a process that runs for long already', () => {
    const clock = new ManualClock(START);
    clock.advance(DAY);
    expect(new AgeClock(null, clock).now()).toBe(0);
  });

  it('does not notice that somebody sets the wall clock', () => {
    const clock = new ManualClock(START);
    const age = new AgeClock(null, clock);
    clock.setWallMs(START + 4000 * DAY);
    clock.advance(1000);
    clock.setWallMs(0);
    expect(age.now()).toBe(1000);
  });

  it('counts the pause of a restart by the wall clock', () => {
    const clock = new ManualClock(START);
    const age = new AgeClock(null, clock);
    clock.advance(DAY);
    expect(restart(age, START + 3 * DAY).now()).toBe(3 * DAY);
  });

  it('counts at most seven days for a pause, and never backwards', () => {
    const age = new AgeClock(null, new ManualClock(START));
    expect(restart(age, START + 4000 * DAY).now()).toBe(LONGEST_PAUSE_MS);
    expect(restart(age, 0).now()).toBe(0);
  });

  it('does not count a pause twice over several restarts', () => {
    const first = new AgeClock(null, new ManualClock(START));
    const second = restart(first, START + DAY);
    const third = restart(second, START + DAY);
    expect(third.now()).toBe(DAY);
  });
});
