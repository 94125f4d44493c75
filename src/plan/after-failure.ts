import { isTransient, type NearbitsError } from '../core/errors.ts';
import type { SourceKind } from '../core/source.ts';

/** A source failed; these are the facts. */
export interface Failure {
  readonly kind: SourceKind;
  readonly error: NearbitsError;
  /** Failures in a row without a new byte, this one included. */
  readonly failures: number;
  readonly originRetries: number;
}

/** What follows from a failure. */
export type FailureVerdict =
  /** Ask the same source again, but not before the delay. */
  | { readonly action: 'wait'; readonly delayMs: number }
  /** Do not ask this source again for this file. */
  | { readonly action: 'drop' }
  /** The transfer cannot succeed whatever the other sources do. */
  | { readonly action: 'give-up' };

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** A peer that stays busy this often in a row is not waited for any longer. */
const MAX_BUSY_ANSWERS = 20;

/**
 * Decides after a failed request.
 *
 * - A local failure (disk full, a write error) ends the transfer: no source can help.
 * - A file that changed at the origin ends this attempt; the caller starts it over.
 * - A busy peer is asked again when it said; any other failed peer is dropped (BITS: removed from the list).
 * - The origin is asked again after transient failures, with a doubling delay, a bounded number of times.
 */
export function afterFailure(failure: Failure): FailureVerdict {
  const { code, details } = failure.error;
  if (code === 'E_DISK_FULL' || code === 'E_IO' || code === 'E_ORIGIN_CHANGED' || code === 'E_INTERNAL') {
    return { action: 'give-up' };
  }
  if (failure.kind === 'cache') return { action: 'drop' };
  if (failure.kind === 'peer') return afterPeerFailure(failure);
  // A certificate that is not trusted is not trusted a second later either.
  const final = !isTransient(code) || details.certificate === true;
  if (final || failure.failures > failure.originRetries) return { action: 'drop' };
  return { action: 'wait', delayMs: retryDelay(failure.failures, details.retryAfterMs) };
}

function afterPeerFailure({ error, failures }: Failure): FailureVerdict {
  if (error.code !== 'E_PEER_BUSY' || failures > MAX_BUSY_ANSWERS) return { action: 'drop' };
  return { action: 'wait', delayMs: retryDelay(1, error.details.retryAfterMs) };
}

function retryDelay(failures: number, retryAfterMs: unknown): number {
  const doubled = FIRST_RETRY_MS * 2 ** (failures - 1);
  const asked = typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : doubled;
  return Math.min(LONGEST_RETRY_MS, asked);
}
