import { isTransientStatus } from '../core/bits-codes.ts';
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
  [401, 'The origin asks for credentials; give them to the job as credentials for SERVER or as a request header.'],
  [403, 'The origin refuses this URL; check the permission or fetch a fresh link.'],
  [404, 'Check the URL: the origin has no such file.'],
  [
    407,
    'The proxy asks for credentials; give them to the job as credentials for PROXY, or put them into http_proxy and https_proxy.',
  ],
  [410, 'The file was removed from the origin.'],
  [429, 'The origin limits how often it is asked; try later.'],
  [451, 'The origin may not serve this file for legal reasons.'],
  [511, 'The network asks for a login first; open a web page in a browser.'],
]);

/**
 * The one place where statuses become error codes. `url` is the URL that answered, `who` the one that did; conditions
 * that only make sense for a ranged request (200, 412, 416) are judged by the caller before.
 * Retry-After is exposed as `details.retryAfterMs`.
 */
export function statusError(
  url: string,
  head: ResponseHead,
  nowMs: number,
  who: 'origin' | 'proxy' = head.status === 407 ? 'proxy' : 'origin',
): NearbitsError {
  const retryAfterMs = parseRetryAfter(singleHeader(head.headers, 'retry-after'), nowMs);
  const hint = HINTS.get(head.status);
  return originError(codeOfStatus(head.status), url, `the ${who} answered ${head.status}`, {
    details: { status: head.status, ...(retryAfterMs === null ? {} : { retryAfterMs }) },
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * Error statuses are final or transient by the rule of BITS, see `isTransientStatus` in core/bits-codes.ts; so are those
 * from 600 on, which count as 5xx (RFC 9110 section 15). Statuses of success that nobody asked for break the protocol.
 */
export function codeOfStatus(status: number): OriginErrorCode {
  if (status < 300) return 'E_ORIGIN_PROTOCOL';
  return isTransientStatus(status) ? 'E_ORIGIN_FAILING' : 'E_ORIGIN_STATUS';
}
