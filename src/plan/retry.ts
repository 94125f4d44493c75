/** A transient error of a job and what its owner set. All times are of one clock that no administrator can turn. */
export interface TransientError {
  readonly nowMs: number;
  /**
   * The time of the first transient error since the last progress; `nowMs` when this is the first. Progress is any new
   * byte that is proven and written: it resets this, and so does a resume. Time in which the job waits for its turn, is
   * suspended, or transfers without an error does not count, because nothing was tried in vain.
   */
  readonly noProgressSinceMs: number;
  /** How long errors may follow each other without progress; 0 makes every error final. */
  readonly noProgressTimeoutMs: number;
  /** Least time until the next try. */
  readonly minimumRetryDelayMs: number;
  /** What the origin asked for (Retry-After, bounded by its parser), or null. */
  readonly retryAfterMs: number | null;
  /** Whether time can mend the error, or only the end of a condition such as a lost network or a policy. */
  readonly waitsFor: 'time' | 'condition';
  /** A random number in [0, 1) that spreads the tries of many machines. */
  readonly random01: number;
}

/** What becomes of the job. */
export type RetryVerdict =
  /** Try again at this time. */
  | { readonly action: 'retry'; readonly atMs: number }
  /** Try again when the condition is over; when it lasts until `giveUpAtMs`, the job fails with BG_E_NO_PROGRESS. */
  | { readonly action: 'wait'; readonly giveUpAtMs: number }
  /** The job is in error: with BG_E_NO_PROGRESS, or with the code of this same error. */
  | { readonly action: 'give-up'; readonly code: 'BG_E_NO_PROGRESS' | 'same' };

/** The random part lengthens a delay by at most this share of it. */
const JITTER = 0.1;

/**
 * Decides after a transient error of a job (BITS: SetMinimumRetryDelay, SetNoProgressTimeout).
 *
 * 1. A timeout of 0 means no second try at all.
 * 2. Longer without progress than the timeout: the job is given up.
 * 3. Nobody retries by time what only the end of a condition can mend.
 * 4. A delay longer than the timeout leaves no room for a second try.
 * 5. The delay is a minimum: Retry-After and the random part only lengthen it, and it does not grow with the tries.
 */
export function afterTransientError(error: TransientError): RetryVerdict {
  const { nowMs, noProgressSinceMs, noProgressTimeoutMs } = error;
  if (noProgressTimeoutMs === 0) return { action: 'give-up', code: 'same' };
  if (nowMs - noProgressSinceMs > noProgressTimeoutMs) return { action: 'give-up', code: 'BG_E_NO_PROGRESS' };
  if (error.waitsFor === 'condition') return { action: 'wait', giveUpAtMs: noProgressSinceMs + noProgressTimeoutMs };
  const delayMs = Math.max(error.minimumRetryDelayMs, error.retryAfterMs ?? 0);
  if (delayMs > noProgressTimeoutMs) return { action: 'give-up', code: 'same' };
  return { action: 'retry', atMs: nowMs + delayMs * (1 + JITTER * error.random01) };
}
