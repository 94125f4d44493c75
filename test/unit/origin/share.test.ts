import { expect, test } from 'vitest';
import { cacheDirectives } from '../../../src/origin/cache-control.ts';
import { type Asker, judgeSharing } from '../../../src/origin/share.ts';

const asker = (requestHeaders: Record<string, string> = {}): Asker => ({
  method: 'GET',
  requestHeaders,
  showsIdentity: false,
});
const version = { size: 1, lastModifiedMs: null, etag: '"a"' };

test.each([
  ['', []],
  ['public, max-age=60', ['public', 'max-age']],
  ['PRIVATE="set-cookie, x-name" , No-Store', ['private', 'no-store']],
  [',,=,;', [';']],
  ['ext="a, private", public', ['ext', 'public']],
  ['ext="never closed, private', ['ext', 'private']],
  ['ext="a\\", private", x', ['ext', 'x']],
])('the directives of %j are %j', (text, names) => {
  expect([...cacheDirectives(text)]).toEqual(names);
});

test('a plain file with a validator may be shared', () => {
  expect(judgeSharing({ 'cache-control': 'no-cache', vary: 'Accept-Encoding, Cookie' }, version, asker())).toEqual({
    allowed: true,
  });
});

test.each([
  ['private', { 'cache-control': 'max-age=5, private="x"' }, {}],
  ['private', { 'cache-control': ['public', 'private'] }, {}],
  ['no-store', { 'cache-control': 'no-store' }, {}],
  ['set-cookie', { 'set-cookie': ['a=b'] }, {}],
  ['vary', { vary: 'Accept, *' }, {}],
  ['vary', { vary: 'Accept-Language' }, { 'accept-language': 'de' }],
  ['credentials', {}, { authorization: 'Bearer x' }],
  ['credentials', {}, { 'x-api-key': 'x' }],
])('sharing is refused: %s', (reason, headers, requestHeaders) => {
  expect(judgeSharing(headers, version, asker(requestHeaders as Record<string, string>))).toEqual({
    allowed: false,
    reason,
  });
});

test('harmless request headers do not stand against sharing', () => {
  expect(judgeSharing({}, version, asker({ accept: '*/*', 'user-agent': 'x' }))).toEqual({ allowed: true });
});

test('without a validator or a size nothing can be shared by version', () => {
  expect(judgeSharing({}, { size: 1, lastModifiedMs: null, etag: null }, asker())).toEqual({
    allowed: false,
    reason: 'no-validator',
  });
  expect(judgeSharing({}, null, asker())).toEqual({ allowed: false, reason: 'no-size' });
});

test('content that was fetched under a name, or not with GET, is not shared', () => {
  const reasonOf = (change: Partial<Asker>) => judgeSharing({}, version, { ...asker(), ...change });
  expect(reasonOf({ showsIdentity: true })).toEqual({ allowed: false, reason: 'credentials' });
  expect(reasonOf({ method: 'POST' })).toEqual({ allowed: false, reason: 'method' });
});
