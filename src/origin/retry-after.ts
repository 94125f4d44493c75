import { parseHttpDate } from './http-date.ts';

/** A longer wait than this is not believed: one hour, so that a hostile origin cannot park a job for ever. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

const SECONDS = /^\d+$/;

/**
 * Reads a Retry-After header, in seconds or as a date (RFC 9110 section 10.2.3).
 * @returns milliseconds to wait from `nowMs` on, 0 to {@link MAX_RETRY_AFTER_MS}; null when absent or malformed.
 */
export function parseRetryAfter(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  if (SECONDS.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
  const dateMs = parseHttpDate(text, nowMs);
  return dateMs === null ? null : Math.min(Math.max(0, dateMs - nowMs), MAX_RETRY_AFTER_MS);
}
