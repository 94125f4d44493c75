import type { Clock, Timer } from './clock.ts';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to move; for tests and simulations. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #order = 0;
  #pending: Pending[] = [];

  /** Starts at `wallMs` milliseconds since 1970. */
  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry: Pending = { atMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#insert(entry);
    return {
      cancel: () => {
        const index = this.#pending.indexOf(entry);
        if (index >= 0) this.#pending.splice(index, 1);
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = this.after(delayMs, resolve);
      signal?.addEventListener('abort', () => {
        timer.cancel();
        reject(signal.reason);
      });
    });
  }

  /** Moves time forward and runs every timer that falls due, in order of time. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms;
    for (let next = this.#pending[0]; next !== undefined && next.atMs <= untilMs; next = this.#pending[0]) {
      this.#pending.shift();
      this.#moveTo(next.atMs);
      next.run();
    }
    this.#moveTo(untilMs);
  }

  /** Sets only the wall clock, as an administrator or NTP would; timers are not touched. */
  setWallMs(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  /** Milliseconds until the next timer falls due, or null when none is set. */
  nextTimerInMs(): number | null {
    const next = this.#pending[0];
    return next === undefined ? null : next.atMs - this.#monotonicMs;
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  // Binary insertion keeps simulations of hundreds of nodes fast.
  #insert(entry: Pending): void {
    let low = 0;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#pending[middle] as Pending;
      if (other.atMs < entry.atMs || (other.atMs === entry.atMs && other.order < entry.order)) low = middle + 1;
      else high = middle;
    }
    this.#pending.splice(low, 0, entry);
  }
}
