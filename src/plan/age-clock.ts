import type { Clock } from '../core/clock.ts';

/** Where an {@link AgeClock} stood; its owner stores it now and then, and again when it stops. */
export interface AgeClockState {
  /** What the clock showed. */
  readonly ageMs: number;
  /** Milliseconds since 1970 at that moment. */
  readonly wallMs: number;
}

/** At most so much time counts for the span in which the node did not run. */
export const LONGEST_PAUSE_MS = 7 * 86_400_000;

/**
 * A clock for long spans, such as 90 days without activity, that a jump of the wall clock cannot fool. While the node
 * runs it follows the monotonic clock. Over a restart there is only the wall clock: its difference counts, but never
 * backwards and for at most seven days, so that one wrong date cannot end all jobs at once.
 *
 * Its milliseconds have no relation to a date and mean something only against each other. Time in which the machine
 * sleeps may not count, as in the monotonic clock.
 */
export class AgeClock {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #monotonicMs: number;

  /** Goes on from `saved`, or begins at 0. */
  constructor(saved: AgeClockState | null, clock: Clock) {
    this.#clock = clock;
    this.#startMs = saved === null ? 0 : saved.ageMs + pauseMs(saved.wallMs, clock.wallMs());
    this.#monotonicMs = clock.monotonicMs();
  }

  /** Milliseconds that counted so far; never goes back, also not over restarts. */
  now(): number {
    return this.#startMs + this.#clock.monotonicMs() - this.#monotonicMs;
  }

  /** What has to be stored to go on after a restart. */
  snapshot(): AgeClockState {
    return { ageMs: this.now(), wallMs: this.#clock.wallMs() };
  }
}

function pauseMs(fromWallMs: number, toWallMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(0, toWallMs - fromWallMs));
}
