import { expect, test } from 'vitest';
import {
  checkJobSettings,
  defaultJobSettings,
  needsOwnConnections,
  type OriginJobSettings,
} from '../../../src/origin/job-settings.ts';
import { MAX_RESPONSE_HEADERS, shownHeaders } from '../../../src/origin/response-headers.ts';
import { credential, tlsFlags } from '../../support/job-session.ts';

const settings = (change: Partial<OriginJobSettings>): OriginJobSettings => ({ ...defaultJobSettings, ...change });

test.each(['get', '', 'HEAD', 'CONNECT', 'GET /', 'A'.repeat(33)])('the method %j fetches no file', (method) => {
  expect(() => checkJobSettings(settings({ method }))).toThrow(expect.objectContaining({ code: 'E_INVALIDARG' }));
});

test.each([
  credential('BASIC', { user: 'a:b', password: 'secret' }),
  credential('BASIC', { user: null, password: 'secret' }),
  credential('DIGEST', { user: 'a\n', password: 'secret' }),
  credential('DIGEST', { password: 'secret\u0000' }),
  credential('BEARER', { password: 'secret word' }),
  credential('BEARER', { password: 'secret\r\nx: y' }),
  credential('BEARER', { password: '' }),
])('credentials that their scheme cannot carry are refused without showing them: %j', (login) => {
  expect(() => checkJobSettings(settings({ credentials: [login] }))).toThrow(
    expect.objectContaining({ code: 'BG_E_INVALID_CREDENTIALS', message: expect.not.stringContaining('secret') }),
  );
});

test('header names become lower case, and a bad header is refused', () => {
  expect(checkJobSettings(settings({ headers: { 'X-A': '1' } })).headers).toEqual({ 'x-a': '1' });
  expect(() => checkJobSettings(settings({ headers: { Range: 'x' } }))).toThrow(
    expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }),
  );
});

test.each<[boolean, Partial<OriginJobSettings>]>([
  [false, {}],
  [false, { method: 'POST', headers: { a: 'b' }, credentials: [credential('BASIC')], redirects: 'disallow' }],
  [true, { proxy: { usage: 'NO_PROXY' } }],
  [true, { credentials: [credential('BASIC', { target: 'PROXY' })] }],
  [true, { clientCertificate: { certificatePem: '', keyPem: '' } }],
  [true, { tls: tlsFlags({ checkRevocation: true }) }],
])('own connections: %s for %j', (own, change) => {
  expect(needsOwnConnections(settings(change))).toBe(own);
});

test('the shown headers are bounded and hold no secrets', () => {
  expect(
    shownHeaders({
      etag: '"a"',
      via: ['a', 'b'],
      'set-cookie': ['x'],
      'www-authenticate': 'Basic',
      authorization: 'x',
    }),
  ).toEqual({ etag: '"a"', via: 'a, b' });
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'y']));
  expect(Object.keys(shownHeaders(many))).toHaveLength(MAX_RESPONSE_HEADERS);
  expect(Object.keys(shownHeaders({ a: 'x'.repeat(10_000), b: 'x'.repeat(10_000) }))).toEqual(['a']);
});
