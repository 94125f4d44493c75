import type { ResponseHeaders } from './headers.ts';

/** At most this many headers of an answer are kept for the job. */
export const MAX_RESPONSE_HEADERS = 100;
/** Names and values of the kept headers together, in characters. */
const MAX_RESPONSE_HEADER_CHARS = 16 * 1024;

// They hold or ask for what belongs to one client, and a job's record is no place for that.
const SECRET: ReadonlySet<string> = new Set([
  'authentication-info',
  'authorization',
  'cookie',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
]);

/** The headers of an answer that a job may show: names in lower case, repeated ones joined, without secrets, bounded. */
export function shownHeaders(headers: ResponseHeaders): Readonly<Record<string, string>> {
  const shown: [string, string][] = [];
  let chars = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || SECRET.has(name)) continue;
    const text = typeof value === 'string' ? value : value.join(', ');
    chars += name.length + text.length;
    if (shown.length === MAX_RESPONSE_HEADERS || chars > MAX_RESPONSE_HEADER_CHARS) break;
    shown.push([name, text]);
  }
  return Object.fromEntries(shown);
}
