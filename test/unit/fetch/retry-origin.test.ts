import { expect, test } from 'vitest';
import { NearbitsError } from '../../../src/core/errors.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import type { TransferPolicy } from '../../../src/fetch/deps.ts';
import { retryOrigin } from '../../../src/fetch/retry-origin.ts';

const clock = new ManualClock();
const deps = { clock, policy: () => ({ originRetries: 2 }) as TransferPolicy };
const never = new AbortController().signal;
const failing = new NearbitsError('E_ORIGIN_FAILING', 'no');

/** Fails with these errors, one after the other, and then answers; each failure moves the clock on by a minute. */
function run(errors: NearbitsError[], signal = never) {
  const heard: string[] = [];
  const left = [...errors];
  const attempt = async () => {
    const error = left.shift();
    if (error !== undefined) throw error;
    return 'done';
  };
  const onFailure = ({ code }: NearbitsError) => {
    heard.push(code);
    queueMicrotask(() => clock.advance(60_000));
  };
  return { heard, left, result: retryOrigin(attempt, onFailure, deps, signal) };
}

test('what time may mend is tried again, as often as the policy says', async () => {
  const { heard, result } = run([failing, failing]);
  expect(await result).toBe('done');
  expect(heard).toEqual(['E_ORIGIN_FAILING', 'E_ORIGIN_FAILING']);
  await expect(run([failing, failing, failing]).result).rejects.toBe(failing);
});

test('what time cannot mend is the error at once', async () => {
  const gone = new NearbitsError('E_ORIGIN_STATUS', '404');
  const { left, result } = run([gone, failing]);
  await expect(result).rejects.toBe(gone);
  expect(left).toEqual([failing]);
});

test('nothing is tried again once it is stopped', async () => {
  const stop = new AbortController();
  stop.abort(new Error('stopped'));
  const { heard, result } = run([failing], stop.signal);
  await expect(result).rejects.toThrow('stopped');
  expect(heard).toEqual([]);
});
