import { setTimeout as delay } from 'node:timers/promises';

/** A timer that can be stopped. */
export interface Timer {
  /** Stops the timer; no effect after it fired. */
  cancel(): void;
}

/**
 * Time as the node sees it. Everything that waits or dates takes a Clock, so
 * that tests and simulations move time instead of sleeping.
 */
export interface Clock {
  /** Milliseconds since 1970; may jump when an administrator sets the clock. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. For intervals. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`; does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  async sleep(delayMs, signal) {
    await delay(delayMs, undefined, signal === undefined ? {} : { signal });
  },
};
