import type { NearbitsError } from '../core/errors.ts';
import { type OriginErrorCode, originError } from './failure.ts';
import { type ResponseHeaders, singleHeader } from './headers.ts';
import { parseRetryAfter } from './retry-after.ts';

/** The part of an answer that comes before its body. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

const HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'The origin asks for credentials; give them as a request header of the job.'],
  [403, 'The origin refuses this URL; check the permission or fetch a fresh link.'],
  [404, 'Check the URL: the origin has no such file.'],
  [407, 'The proxy asks for credentials; put them into http_proxy or https_proxy.'],
  [410, 'The file was removed from the origin.'],
  [429, 'The origin limits how often it is asked; try later.'],
  [451, 'The origin may not serve this file for legal reasons.'],
  [511, 'The network asks for a login first; open a web page in a browser.'],
]);

/**
 * The one place where statuses become error codes. `url` is the URL that answered; conditions that
 * only make sense for a ranged request (200, 412, 416) are judged by the caller before.
 * Retry-After is exposed as `details.retryAfterMs`.
 */
export function statusError(url: string, head: ResponseHead, nowMs: number): NearbitsError {
  const retryAfterMs = parseRetryAfter(singleHeader(head.headers, 'retry-after'), nowMs);
  const hint = HINTS.get(head.status);
  return originError(codeOfStatus(head.status), url, `the origin answered ${head.status}`, {
    details: { status: head.status, ...(retryAfterMs === null ? {} : { retryAfterMs }) },
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * 4xx is final but for 408, 409, 425 and 429, 5xx is transient but for 501 and 505 (the BITS rule,
 * with the two statuses that came later). Statuses that nobody asked for (1xx, other 2xx, 304) break the protocol.
 */
export function codeOfStatus(status: number): OriginErrorCode {
  if (status === 408 || status === 409 || status === 425 || status === 429) return 'E_ORIGIN_FAILING';
  if (status === 501 || status === 505) return 'E_ORIGIN_STATUS';
  if (status >= 500 && status < 600) return 'E_ORIGIN_FAILING';
  if (status >= 400 && status < 500) return 'E_ORIGIN_STATUS';
  return 'E_ORIGIN_PROTOCOL';
}
