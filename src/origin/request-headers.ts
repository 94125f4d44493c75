import { NearbitsError } from '../core/errors.ts';
import type { RequestHeaders } from './headers.ts';
import { mayBeSecret } from './share.ts';

/** A job may add at most this many headers. */
export const MAX_REQUEST_HEADERS = 64;

/** Names and values of a job's headers together: BITS allows 16 KiB of custom headers. */
export const MAX_REQUEST_HEADER_BYTES = 16 * 1024;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

// Set by the node itself, or meaningful for one connection only.
const RESERVED: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-authorization',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Checks headers that a job wants to send and returns them with names in lower case.
 * @throws NearbitsError E_INVALID_ARGUMENT when a name or value is malformed, repeated or reserved, or when there are too many.
 */
export function checkRequestHeaders(headers: RequestHeaders): RequestHeaders {
  const checked: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (!TOKEN.test(name) || !VALUE.test(value)) throw refuse(name, 'is malformed');
    if (RESERVED.has(key)) throw refuse(name, 'is set by the node itself');
    if (Object.hasOwn(checked, key)) throw refuse(name, 'is given twice');
    bytes += name.length + value.length;
    checked[key] = value;
  }
  if (Object.keys(checked).length > MAX_REQUEST_HEADERS || bytes > MAX_REQUEST_HEADER_BYTES) {
    throw new NearbitsError('E_INVALID_ARGUMENT', `request headers: at most ${MAX_REQUEST_HEADERS}, 16 KiB together`);
  }
  return checked;
}

/**
 * The job's headers that may go to `target` when the job named `start`: all of them to the same
 * scheme, host and port, and elsewhere only those that cannot hold a secret.
 */
export function headersFor(headers: RequestHeaders, start: string, target: string): RequestHeaders {
  if (new URL(start).origin === new URL(target).origin) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !mayBeSecret(name)));
}

function refuse(name: string, why: string): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `the request header "${name.slice(0, 60)}" ${why}`);
}
