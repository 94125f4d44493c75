import type { Clock } from '../core/clock.ts';

/** Runs something with a signal that aborts when `signal` does or after `limitMs`; that must make it end. */
export async function withTimeLimit<T>(
  clock: Clock,
  limits: { readonly limitMs: number; readonly signal: AbortSignal },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = clock.after(limits.limitMs, () => limit.abort());
  try {
    return await run(AbortSignal.any([limits.signal, limit.signal]));
  } finally {
    timer.cancel();
  }
}
