import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterTransientError, type TransientError } from '../../../src/plan/retry.ts';

const DAY = 86_400_000;
const NOW = 50 * DAY;
const error = (extra: Partial<TransientError> = {}): TransientError => ({
  nowMs: NOW,
  noProgressSinceMs: NOW,
  noProgressTimeoutMs: 14 * DAY,
  minimumRetryDelayMs: 600_000,
  retryAfterMs: null,
  waitsFor: 'time',
  random01: 0,
  ...extra,
});

describe('afterTransientError', () => {
  it('tries again after the minimum delay', () => {
    expect(afterTransientError(error())).toEqual({ action: 'retry', atMs: NOW + 600_000 });
  });

  it('lengthens the delay by at most a tenth, never shortens it', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (minimumRetryDelayMs, random01) => {
          const verdict = afterTransientError(error({ minimumRetryDelayMs, random01 }));
          const delayMs = verdict.action === 'retry' ? verdict.atMs - NOW : Number.NaN;
          expect(delayMs).toBeGreaterThanOrEqual(minimumRetryDelayMs);
          expect(delayMs).toBeLessThanOrEqual(minimumRetryDelayMs * 1.1 + 1);
        },
      ),
    );
  });

  it('follows Retry-After only when that is longer', () => {
    expect(afterTransientError(error({ retryAfterMs: 1_800_000 }))).toEqual({ action: 'retry', atMs: NOW + 1_800_000 });
    expect(afterTransientError(error({ retryAfterMs: 1000 }))).toEqual({ action: 'retry', atMs: NOW + 600_000 });
  });

  it('takes every error as final when the no-progress timeout is 0', () => {
    for (const waitsFor of ['time', 'condition'] as const) {
      const verdict = afterTransientError(error({ noProgressTimeoutMs: 0, minimumRetryDelayMs: 0, waitsFor }));
      expect(verdict).toEqual({ action: 'give-up', code: 'same' });
    }
  });

  it('does not try again when the delay is longer than the no-progress timeout', () => {
    const same = { action: 'give-up', code: 'same' };
    expect(afterTransientError(error({ noProgressTimeoutMs: 599_999 }))).toEqual(same);
    expect(afterTransientError(error({ noProgressTimeoutMs: 600_000 })).action).toBe('retry');
    expect(afterTransientError(error({ noProgressTimeoutMs: 700_000, retryAfterMs: 700_001 }))).toEqual(same);
  });

  it('gives up when there was no progress for longer than the timeout', () => {
    const since = (ms: number, waitsFor: TransientError['waitsFor'] = 'time') =>
      afterTransientError(error({ noProgressSinceMs: NOW - ms, waitsFor }));
    expect(since(14 * DAY).action).toBe('retry');
    expect(since(14 * DAY + 1)).toEqual({ action: 'give-up', code: 'BG_E_NO_PROGRESS' });
    expect(since(14 * DAY + 1, 'condition')).toEqual({ action: 'give-up', code: 'BG_E_NO_PROGRESS' });
  });

  it('waits for the end of a condition without a time for the next try, whatever the delay is', () => {
    const since = NOW - DAY;
    const waiting = error({ waitsFor: 'condition', noProgressSinceMs: since, minimumRetryDelayMs: 15 * DAY });
    expect(afterTransientError(waiting)).toEqual({ action: 'wait', giveUpAtMs: since + 14 * DAY });
  });
});
