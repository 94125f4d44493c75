import type { Clock, Timer } from '../core/clock.ts';
import type { Random } from '../core/random.ts';

/** Doubling ends here; a longer least delay of a job still counts. */
export const MAX_BACKOFF_MS = 3_600_000;
/** Up to this share is added, so that what failed together is not tried together again. */
const JITTER = 0.2;
/** The longest time a timer can wait, in ms: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Milliseconds to wait after `failures` failures in a row (from 1): the least delay, doubled with each further failure up
 * to an hour, and up to a fifth more by chance.
 */
export function backoffMs(failures: number, leastDelayMs: number, random: Random): number {
  const doubled = Math.min(MAX_BACKOFF_MS, leastDelayMs * 2 ** (failures - 1));
  return Math.min(MAX_TIMER_MS, Math.max(leastDelayMs, doubled) * (1 + JITTER * random()));
}

/** Says when one way may be tried again after it failed. */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  #failures = 0;
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  /** Whether the way rests after a failure. */
  get resting(): boolean {
    return this.#timer !== null;
  }

  /** Whether the last try failed. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  /** Notes a failure; `again` is called when the way may be tried again. */
  failed(leastDelayMs: number, again: () => void): void {
    this.#timer?.cancel();
    this.#failures++;
    this.#timer = this.#clock.after(backoffMs(this.#failures, leastDelayMs, this.#random), () => {
      this.#timer = null;
      again();
    });
  }

  /** Forgets all failures: the way worked, or is another one now. */
  reset(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#failures = 0;
  }
}
