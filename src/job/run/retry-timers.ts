import type { Clock, Timer } from '../../core/clock.ts';
import type { Job } from '../job.ts';

/** Timers of the platform cannot be longer than 24 days; what lies further away than this is looked at again by then. */
export const LONGEST_TIMER_MS = 3_600_000;

/** The times at which jobs in TRANSIENT_ERROR are tried again, at most one for each. */
export class RetryTimers {
  readonly #clock: Clock;
  readonly #due: (job: Job) => void;
  readonly #timers = new Map<Job, Timer>();

  /** `due` is called once for each time that was set and not cancelled. */
  constructor(clock: Clock, due: (job: Job) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Sets the time of a job, in ms from now; an earlier one is forgotten. */
  set(job: Job, delayMs: number): void {
    this.cancel(job);
    const fire = (): void => {
      this.#timers.delete(job);
      if (delayMs > LONGEST_TIMER_MS) this.set(job, delayMs - LONGEST_TIMER_MS);
      else this.#due(job);
    };
    this.#timers.set(job, this.#clock.after(Math.min(delayMs, LONGEST_TIMER_MS), fire));
  }

  /** Forgets the time of a job. */
  cancel(job: Job): void {
    this.#timers.get(job)?.cancel();
    this.#timers.delete(job);
  }

  /** Forgets all times. */
  clear(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
