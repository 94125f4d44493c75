import type { Clock, Timer } from '../core/clock.ts';
import { type ErrorCode, NearbitsError } from '../core/errors.ts';

/** A time limit for one named step against a peer, together with whatever else may end it. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #timer: Timer;

  /** @param what the step, for the message of the E_PEER_TIMEOUT with which {@link signal} aborts after `timeoutMs`. */
  constructor(deps: { readonly clock: Clock }, what: string, timeoutMs: number, ...others: readonly AbortSignal[]) {
    const controller = new AbortController();
    this.#timer = deps.clock.after(timeoutMs, () => controller.abort(timedOut(what, timeoutMs)));
    this.signal = AbortSignal.any([controller.signal, ...others]);
  }

  /** Ends the limit; the signal then follows the other signals only. */
  clear(): void {
    this.#timer.cancel();
  }
}

/** The reason with which steps are aborted when the caller or the node has no use for them any more. */
export function cancelled(what: string): NearbitsError {
  return new NearbitsError('E_CANCELLED', what);
}

/**
 * What failed, as one of our errors. libp2p reports an aborted signal in its own words, so the signal's reason goes first.
 */
export function stepError(error: unknown, signal: AbortSignal, fallback: ErrorCode): NearbitsError {
  if (signal.aborted && signal.reason instanceof NearbitsError) return signal.reason;
  if (signal.aborted) return new NearbitsError('E_CANCELLED', 'the operation was stopped', { cause: error });
  if (error instanceof NearbitsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new NearbitsError(fallback, message, { cause: error });
}

/** Waits for shared work that goes on when this caller gives up. @throws the signal's reason when it aborts first. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function timedOut(what: string, timeoutMs: number): NearbitsError {
  return new NearbitsError('E_PEER_TIMEOUT', `the peer let ${timeoutMs} ms pass: ${what}`, { details: { timeoutMs } });
}
