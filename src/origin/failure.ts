import { type ErrorCode, NearbitsError, type NearbitsErrorOptions } from '../core/errors.ts';

/** The codes this part of the node reports. */
export type OriginErrorCode = Extract<ErrorCode, `E_ORIGIN_${string}`>;

/** A URL for logs and messages: without its query, which may hold signatures, and at most 200 characters. */
export function describeUrl(url: string): string {
  const parsed = URL.parse(url);
  const text = parsed === null ? url : `${parsed.origin}${parsed.pathname}`;
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/** A failure of the origin; the URL is put before the message and into the details. */
export function originError(
  code: OriginErrorCode,
  url: string,
  message: string,
  options: NearbitsErrorOptions = {},
): NearbitsError {
  const shown = describeUrl(url);
  return new NearbitsError(code, `${shown}: ${message}`, { ...options, details: { url: shown, ...options.details } });
}

/** A named time limit passed; `limit` is the name of the option that sets it. */
export function timeoutError(url: string, limit: string, message: string): NearbitsError {
  return originError('E_ORIGIN_TIMEOUT', url, message, { details: { limit } });
}
