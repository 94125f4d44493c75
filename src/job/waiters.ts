import type { JobId } from '../core/ids.ts';

/** Lets callers wait for the next change of a job. */
export class Waiters {
  readonly #waiting = new Map<JobId, PromiseWithResolvers<void>>();

  /** Resolves when something of the job changes; rejects with the reason of the signal. Ask before looking at the job. */
  next(id: JobId, signal: AbortSignal): Promise<void> {
    let waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      waiting = Promise.withResolvers();
      this.#waiting.set(id, waiting);
    }
    return orAborted(waiting.promise, signal);
  }

  /** The job changed. */
  changed(id: JobId): void {
    this.#waiting.get(id)?.resolve();
    this.#waiting.delete(id);
  }
}

function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  work.then(resolve, reject);
  const result = promise.finally(() => signal.removeEventListener('abort', abort));
  // Who found what it looked for does not wait any more.
  result.catch(() => undefined);
  return result;
}
