import type { Clock } from '../../core/clock.ts';

/** How many at once, and how many a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Counts a kind of work against a {@link Rate}. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  #filledMs: number;

  constructor(deps: { readonly clock: Clock }, rate: Rate) {
    this.#clock = deps.clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledMs = deps.clock.monotonicMs();
  }

  /** Whether one more is allowed now; if so it is counted. */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const refill = ((nowMs - this.#filledMs) / 1000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + refill);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** Limits of a {@link SourceLimiter}. */
export interface SourceRates {
  readonly perSource: Rate;
  readonly total: Rate;
  /** Sources remembered; the one that was silent longest is forgotten first. */
  readonly maxSources: number;
}

/** Limits what is taken from each source, and from all of them together. */
export class SourceLimiter {
  readonly #clock: Clock;
  readonly #rates: SourceRates;
  readonly #total: TokenBucket;
  readonly #sources = new Map<string, TokenBucket>();

  constructor(deps: { readonly clock: Clock }, rates: SourceRates) {
    this.#clock = deps.clock;
    this.#rates = rates;
    this.#total = new TokenBucket(deps, rates.total);
  }

  /** Whether one more from `source` is allowed now. A source over its own limit takes nothing from the others. */
  take(source: string): boolean {
    return this.#bucket(source).take() && this.#total.take();
  }

  #bucket(source: string): TokenBucket {
    const bucket = this.#sources.get(source) ?? new TokenBucket({ clock: this.#clock }, this.#rates.perSource);
    this.#sources.delete(source);
    const silent = this.#sources.keys().next().value;
    if (this.#sources.size >= this.#rates.maxSources && silent !== undefined) this.#sources.delete(silent);
    this.#sources.set(source, bucket);
    return bucket;
  }
}
