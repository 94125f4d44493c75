import { describe, expect, it } from 'vitest';
import { type ErrorCode, NearbitsError } from '../../../src/core/errors.ts';
import { afterFailure, type Failure } from '../../../src/plan/after-failure.ts';

const failure = (code: ErrorCode, extra: Partial<Failure> = {}, details = {}): Failure => ({
  kind: 'origin',
  failures: 1,
  originRetries: 3,
  ...extra,
  error: new NearbitsError(code, 'failed', { details }),
});

describe('afterFailure', () => {
  it('gives up when the trouble is on this machine or the file changed', () => {
    for (const code of ['E_DISK_FULL', 'E_IO', 'E_ORIGIN_CHANGED'] as const) {
      expect(afterFailure(failure(code)).action).toBe('give-up');
      expect(afterFailure(failure(code, { kind: 'peer' })).action).toBe('give-up');
    }
  });

  it('asks a failing origin again with a doubling delay, then no more', () => {
    const delays = [1, 2, 3].map((failures) => afterFailure(failure('E_ORIGIN_TRUNCATED', { failures })));
    expect(delays).toEqual([500, 1000, 2000].map((delayMs) => ({ action: 'wait', delayMs })));
    expect(afterFailure(failure('E_ORIGIN_TRUNCATED', { failures: 4 }))).toEqual({ action: 'drop' });
  });

  it('obeys Retry-After up to half a minute', () => {
    expect(afterFailure(failure('E_ORIGIN_FAILING', {}, { retryAfterMs: 7000 }))).toEqual({
      action: 'wait',
      delayMs: 7000,
    });
    expect(afterFailure(failure('E_ORIGIN_FAILING', {}, { retryAfterMs: 9e9 }))).toEqual({
      action: 'wait',
      delayMs: 30_000,
    });
  });

  it('never asks an origin again that said no', () => {
    expect(afterFailure(failure('E_ORIGIN_STATUS'))).toEqual({ action: 'drop' });
  });

  it('waits for a busy peer and drops any other failed one', () => {
    const busy = failure('E_PEER_BUSY', { kind: 'peer' }, { retryAfterMs: 1200 });
    expect(afterFailure(busy)).toEqual({ action: 'wait', delayMs: 1200 });
    for (const code of ['E_PEER_BAD_DATA', 'E_PEER_TIMEOUT', 'E_PEER_GONE', 'E_PEER_UNREACHABLE'] as const) {
      expect(afterFailure(failure(code, { kind: 'peer' }))).toEqual({ action: 'drop' });
    }
  });
});
