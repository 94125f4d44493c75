import type { Clock, Timer } from '../core/clock.ts';

/** Limits on how slowly a body may come. */
export interface PaceLimits {
  /** Longest silence between two chunks, in ms. */
  readonly stallTimeoutMs: number;
  /** Least average rate over a window, in bytes a second; 0 allows any. */
  readonly minBytesPerSecond: number;
  /** Length of the window, in ms. */
  readonly rateWindowMs: number;
}

/** Which limit was passed. */
export type PaceFailure = 'stallTimeoutMs' | 'minBytesPerSecond';

/**
 * Watches the pace of one body. Time in which the receiver holds back is not the
 * origin's fault and does not count. One timer runs at a time and chunks only move
 * numbers, so that the watch costs nothing on a fast body.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limits: PaceLimits;
  readonly #onFailure: (failure: PaceFailure) => void;
  #timer: Timer | null = null;
  #lastMs = 0;
  #windowBytes = 0;
  /** Milliseconds of this window that counted, up to #resumedMs. */
  #windowMs = 0;
  #resumedMs = 0;

  constructor(deps: { readonly clock: Clock }, limits: PaceLimits, onFailure: (failure: PaceFailure) => void) {
    this.#clock = deps.clock;
    this.#limits = limits;
    this.#onFailure = onFailure;
  }

  /** Starts to count, at the beginning or after {@link pause}. */
  resume(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#lastMs = nowMs;
    this.#resumedMs = nowMs;
    if (this.#timer === null) this.#arm(nowMs);
  }

  /** The receiver holds back: stops to count until {@link resume}. */
  pause(): void {
    this.#windowMs += this.#clock.monotonicMs() - this.#resumedMs;
    this.#resumedMs = Number.POSITIVE_INFINITY;
  }

  /** Bytes came. */
  progress(bytes: number): void {
    this.#windowBytes += bytes;
    this.#lastMs = this.#clock.monotonicMs();
  }

  /** Ends the watch; idempotent. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(nowMs: number): void {
    const stallMs = this.#lastMs + this.#limits.stallTimeoutMs - nowMs;
    const windowMs = this.#limits.rateWindowMs - this.#countedMs(nowMs);
    this.#timer = this.#clock.after(Math.max(1, Math.min(stallMs, windowMs)), () => this.#check());
  }

  #check(): void {
    this.#timer = null;
    // While paused no timer runs; resume() arms the next one.
    if (this.#resumedMs === Number.POSITIVE_INFINITY) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs >= this.#limits.stallTimeoutMs) this.#onFailure('stallTimeoutMs');
    else if (this.#tooSlow(nowMs)) this.#onFailure('minBytesPerSecond');
    else this.#arm(nowMs);
  }

  // Judges a window that is complete and begins the next one.
  #tooSlow(nowMs: number): boolean {
    const countedMs = this.#countedMs(nowMs);
    if (countedMs < this.#limits.rateWindowMs) return false;
    const slow = this.#windowBytes < (this.#limits.minBytesPerSecond * countedMs) / 1000;
    this.#windowBytes = 0;
    this.#windowMs = 0;
    this.#resumedMs = nowMs;
    return slow;
  }

  #countedMs(nowMs: number): number {
    return this.#windowMs + Math.max(0, nowMs - this.#resumedMs);
  }
}
