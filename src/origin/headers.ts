/** Response headers as undici hands them over: names in lower case, repeated ones as a list. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Request headers by name; names compare without regard to case. */
export type RequestHeaders = Readonly<Record<string, string>>;

/**
 * The value of a header that may occur once, or null when it is absent or when repeats disagree
 * (a sender must not repeat such a field, RFC 9110 section 5.3, so nothing in it can be trusted then).
 */
export function singleHeader(headers: ResponseHeaders, name: string): string | null {
  const value = headers[name];
  if (value === undefined) return null;
  if (typeof value === 'string') return value.trim();
  const [first, ...others] = value.map((item) => item.trim());
  return first !== undefined && others.every((other) => other === first) ? first : null;
}

/** The value of a header that is a list; repeated lines count as one (RFC 9110 section 5.3). Empty when absent. */
export function listHeader(headers: ResponseHeaders, name: string): string {
  const value = headers[name];
  if (value === undefined) return '';
  return typeof value === 'string' ? value : value.join(', ');
}

/** The members of a plain comma-separated list, in lower case, without empty ones. */
export function listMembers(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
}

const DIGITS = /^\d{1,16}$/;

/** Reads a byte count such as Content-Length: 0 to 2^53 - 1, or null for anything else. */
export function parseByteCount(text: string | null): number | null {
  if (text === null || !DIGITS.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
