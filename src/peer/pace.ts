import type { Clock, Timer } from '../core/clock.ts';

/** The slowest that is still worth waiting for. */
export interface PaceLimits {
  /** In each stretch of this length, in ms, ... */
  readonly stallTimeoutMs: number;
  /** ... at least so many bytes must come; 1 watches for silence only. */
  readonly stallBytes: number;
}

/**
 * Watches that bytes keep coming. Time in which the receiver holds back does not count. One timer runs at a time
 * and bytes only move numbers, so that the watch costs nothing on a fast connection.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #limits: PaceLimits;
  readonly #onStall: () => void;
  #timer: Timer | null = null;
  #paused = true;
  #sinceMs = 0;
  #bytes = 0;

  /** `onStall` is called once when the limits are broken. */
  constructor(deps: { readonly clock: Clock }, limits: PaceLimits, onStall: () => void) {
    this.#clock = deps.clock;
    this.#limits = limits;
    this.#onStall = onStall;
  }

  /** Begins to watch, at first or after {@link pause}; a new stretch starts. */
  resume(): void {
    this.#paused = false;
    this.#sinceMs = this.#clock.monotonicMs();
    this.#bytes = 0;
    this.#arm(this.#limits.stallTimeoutMs);
  }

  /** The receiver holds back. */
  pause(): void {
    this.#paused = true;
  }

  /** Bytes came. */
  progress(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#limits.stallBytes) return;
    this.#bytes = 0;
    this.#sinceMs = this.#clock.monotonicMs();
  }

  /** Ends the watch. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#paused = true;
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.#clock.after(delayMs, () => {
      this.#timer = null;
      if (this.#paused) return;
      const leftMs = this.#sinceMs + this.#limits.stallTimeoutMs - this.#clock.monotonicMs();
      if (leftMs <= 0) this.#onStall();
      else this.#arm(leftMs);
    });
  }
}
