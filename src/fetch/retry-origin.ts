import { type NearbitsError, toNearbitsError } from '../core/errors.ts';
import { afterFailure } from '../plan/after-failure.ts';
import type { FetchDeps } from './deps.ts';

/**
 * Does what needs the origin, again after failures that time may mend, as often as the policy says; `onFailure` hears of each.
 * @throws NearbitsError the last failure, or the reason of the signal.
 */
export async function retryOrigin<T>(
  run: () => Promise<T>,
  onFailure: (failure: NearbitsError) => void,
  deps: Pick<FetchDeps, 'clock' | 'policy'>,
  signal: AbortSignal,
): Promise<T> {
  const { originRetries } = deps.policy();
  for (let failures = 1; ; failures++) {
    try {
      return await run();
    } catch (error) {
      signal.throwIfAborted();
      const failure = toNearbitsError(error);
      onFailure(failure);
      const verdict = afterFailure({ kind: 'origin', error: failure, failures, originRetries });
      if (verdict.action !== 'wait') throw failure;
      await deps.clock.sleep(verdict.delayMs, signal);
    }
  }
}
