import { expect, test } from 'vitest';
import { rangeConditions } from '../../../src/origin/conditions.ts';
import { describeUrl } from '../../../src/origin/failure.ts';
import { RedirectChain } from '../../../src/origin/redirect.ts';
import { checkRequestHeaders, headersFor } from '../../../src/origin/request-headers.ts';
import { codeOfStatus, statusError } from '../../../src/origin/status.ts';
import { transportError } from '../../../src/origin/transport-error.ts';

const URL_A = 'http://origin.test/file?signature=secret';
const RANGE = { start: 0, end: 10 };
const DATE_MS = Date.UTC(2026, 8, 1, 10);
const DATE = 'Tue, 01 Sep 2026 10:00:00 GMT';

test.each([
  [401, 'E_ORIGIN_STATUS'],
  [403, 'E_ORIGIN_STATUS'],
  [404, 'E_ORIGIN_STATUS'],
  [410, 'E_ORIGIN_STATUS'],
  [501, 'E_ORIGIN_STATUS'],
  [505, 'E_ORIGIN_STATUS'],
  [408, 'E_ORIGIN_FAILING'],
  [409, 'E_ORIGIN_FAILING'],
  [425, 'E_ORIGIN_FAILING'],
  [429, 'E_ORIGIN_FAILING'],
  [500, 'E_ORIGIN_FAILING'],
  [503, 'E_ORIGIN_FAILING'],
  [599, 'E_ORIGIN_FAILING'],
  [204, 'E_ORIGIN_PROTOCOL'],
  [300, 'E_ORIGIN_STATUS'],
  [304, 'E_ORIGIN_STATUS'],
  [306, 'E_ORIGIN_FAILING'],
  [600, 'E_ORIGIN_FAILING'],
])('status %i is %s', (status, code) => {
  expect(codeOfStatus(status)).toBe(code);
});

test('a status error carries a hint and Retry-After, and hides the query', () => {
  const error = statusError(URL_A, { status: 503, headers: { 'retry-after': '7' } }, 0);
  expect(error.details).toEqual({ url: 'http://origin.test/file', status: 503, retryAfterMs: 7000 });
  expect(error.message).not.toContain('secret');
  expect(statusError(URL_A, { status: 404, headers: {} }, 0).hint).toContain('URL');
});

test('long URLs are cut in messages', () => {
  expect(describeUrl(`http://origin.test/${'a'.repeat(2000)}`)).toHaveLength(200);
});

test.each([
  [{ code: 'ECONNREFUSED' }, 'connecting', 'E_ORIGIN_UNREACHABLE'],
  [{ code: 'ENOTFOUND' }, 'connecting', 'E_ORIGIN_UNREACHABLE'],
  [{ code: 'CERT_HAS_EXPIRED' }, 'connecting', 'E_ORIGIN_UNREACHABLE'],
  [{ code: 'UND_ERR_ABORTED' }, 'connecting', 'E_ORIGIN_UNREACHABLE'],
  [{ code: 'UND_ERR_CONNECT_TIMEOUT' }, 'connecting', 'E_ORIGIN_TIMEOUT'],
  [{ code: 'UND_ERR_SOCKET' }, 'waiting', 'E_ORIGIN_UNREACHABLE'],
  [{ code: 'UND_ERR_SOCKET' }, 'body', 'E_ORIGIN_TRUNCATED'],
  [{ code: 'ECONNRESET' }, 'body', 'E_ORIGIN_TRUNCATED'],
  [{ code: 'HPE_INVALID_EOF_STATE' }, 'body', 'E_ORIGIN_TRUNCATED'],
  [{ code: 'HPE_INVALID_CONSTANT' }, 'waiting', 'E_ORIGIN_PROTOCOL'],
  [{ code: 'UND_ERR_HEADERS_OVERFLOW' }, 'waiting', 'E_ORIGIN_PROTOCOL'],
  [{}, 'waiting', 'E_ORIGIN_UNREACHABLE'],
] as const)('a connection that fails with %j while %s is %s', (properties, phase, code) => {
  expect(transportError(URL_A, phase, Object.assign(new Error('x'), properties)).code).toBe(code);
});

test.each([
  ['CERT_HAS_EXPIRED', 'E_ORIGIN_UNREACHABLE', true],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'E_ORIGIN_UNREACHABLE', true],
  ['UNABLE_TO_GET_CRL', 'E_ORIGIN_UNREACHABLE', true],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'E_ORIGIN_UNREACHABLE', true],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED', true],
  ['ECONNRESET', 'E_ORIGIN_UNREACHABLE', undefined],
  ['ENOTFOUND', 'E_ORIGIN_UNREACHABLE', undefined],
])('%s is told as %s, and whether a certificate is the reason', (reason, code, certificate) => {
  const error = transportError(URL_A, 'connecting', Object.assign(new Error('x'), { code: reason }));
  expect(error).toMatchObject({ code, details: { reason } });
  expect(error.details.certificate).toBe(certificate);
});

test('a failure on all addresses of a name carries the code of the first', () => {
  const error = new AggregateError([Object.assign(new Error('x'), { code: 'EHOSTUNREACH' })]);
  expect(transportError(URL_A, 'connecting', error).details.reason).toBe('EHOSTUNREACH');
});

test('the condition of a range follows RFC 9110 section 13.1.5', () => {
  const range = 'bytes=0-9';
  const of = (etag: string | null, lastModifiedMs: number | null, strong = true) =>
    rangeConditions(RANGE, { size: 20, etag, lastModifiedMs }, strong);
  expect(of('"a"', DATE_MS)).toEqual({ range, 'if-range': '"a"' });
  expect(of(null, DATE_MS)).toEqual({ range, 'if-range': DATE });
  expect(of(null, DATE_MS, false)).toEqual({ range, 'if-unmodified-since': DATE });
  expect(of('W/"a"', DATE_MS)).toEqual({ range, 'if-unmodified-since': DATE });
  expect(of('W/"a"', null)).toEqual({ range });
  expect(of(null, null)).toEqual({ range });
});

test.each([
  [{ 'bad name': 'x' }],
  [{ 'x-a': 'line\nbreak' }],
  [{ Range: 'bytes=0-1' }],
  [{ 'Accept-Encoding': 'br' }],
  [{ 'x-a': '1', 'X-A': '2' }],
  [{ 'x-a': 'a'.repeat(17_000) }],
])('the request headers %j are refused', (headers) => {
  expect(() => checkRequestHeaders(headers as Record<string, string>)).toThrow(
    expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }),
  );
});

test('secrets go to the origin that was named and nowhere else', () => {
  const headers = checkRequestHeaders({ Authorization: 'Bearer x', 'X-Api-Key': 'k', Accept: 'text/plain' });
  expect(headersFor(headers, 'https://a.test/x', 'https://a.test/y')).toEqual(headers);
  for (const target of ['https://b.test/', 'https://a.test:444/', 'http://a.test/']) {
    expect(headersFor(headers, 'https://a.test/x', target)).toEqual({ accept: 'text/plain' });
  }
});

const LIMITS = { maxRedirects: 10, allowHttpsToHttp: false };
const to = (location: string) => ({ status: 302, headers: { location } });

test('redirects resolve relative to the URL that sent them', () => {
  const chain = new RedirectChain('http://a.test/dir/x', LIMITS);
  chain.follow(to('../y?q=1#part'));
  expect(chain.current).toBe('http://a.test/y?q=1');
});

test.each([
  ['a loop', 'http://a.test/x'],
  ['https to http', 'http://b.test/'],
  ['another scheme', 'ftp://a.test/x'],
  ['credentials in the URL', 'https://user:word@a.test/'],
  ['no URL', 'http://['],
])('a redirect is refused: %s', (what, location) => {
  const start = what === 'a loop' ? 'http://a.test/x' : 'https://a.test/x';
  expect(() => new RedirectChain(start, LIMITS).follow(to(location))).toThrow(
    expect.objectContaining({ code: 'E_ORIGIN_PROTOCOL' }),
  );
});

test('at most as many redirects as allowed are followed', () => {
  const chain = new RedirectChain('http://a.test/0', { ...LIMITS, maxRedirects: 2 });
  chain.follow(to('/1'));
  chain.follow(to('/2'));
  expect(() => chain.follow(to('/3'))).toThrow('more than 2 times');
});
