import { afterEach, beforeEach, expect, test } from 'vitest';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { bytesContent, LAST_MODIFIED, type OriginScript } from '../../support/origin-script.ts';

let origin: OriginFixture;

beforeEach(async () => {
  origin = await OriginFixture.open();
});

afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

const methods = () => origin.server.seen.map((request) => request.method);

test('one HEAD tells size, version, ranges and that it may be shared', async () => {
  const file = await origin.probe();
  expect(file).toEqual({
    url: origin.server.url('/file'),
    finalUrl: origin.server.url('/file'),
    size: 300_000,
    version: { size: 300_000, lastModifiedMs: Date.parse(LAST_MODIFIED), etag: '"size-300000"' },
    acceptsRanges: true,
    anchors: { reprDigest: null, metalinks: [] },
    share: { allowed: true },
    dateIsStrong: true,
    responseHeaders: expect.objectContaining({ etag: '"size-300000"', 'content-length': '300000' }),
    requestHeaders: {},
  });
  expect(methods()).toEqual(['HEAD']);
  expect(origin.server.seen[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': 'nearbits' });
});

test.each([403, 405, 501])('a HEAD refused with %i is replaced by a GET for the first byte', async (headStatus) => {
  const file = await origin.probe({ faults: { headStatus } });
  expect(file).toMatchObject({ size: 300_000, acceptsRanges: true, share: { allowed: true } });
  expect(methods()).toEqual(['HEAD', 'GET']);
  expect(origin.server.seen[1]?.headers.range).toBe('bytes=0-0');
});

test('a HEAD without a length is replaced by a GET that finds it', async () => {
  expect(await origin.probe({ faults: { noLength: true } })).toMatchObject({ size: 300_000, acceptsRanges: true });
});

test('an origin without ranges is recognised without reading the file', async () => {
  const file = await origin.probe({ faults: { headStatus: 405, noRanges: true } });
  expect(file).toMatchObject({ size: 300_000, acceptsRanges: false });
});

test('ranges that are not announced are found', async () => {
  expect(await origin.probe({ faults: { silentRanges: true } })).toMatchObject({ acceptsRanges: true });
});

test('ranges that are neither announced nor served are not assumed', async () => {
  expect(await origin.probe({ faults: { silentRanges: true, ignoreRange: true } })).toMatchObject({
    size: 300_000,
    acceptsRanges: false,
  });
});

test('an origin without length and ranges leaves the size open', async () => {
  const file = await origin.probe({ faults: { noLength: true, noRanges: true } });
  expect(file).toMatchObject({ size: null, version: null, share: { allowed: false, reason: 'no-size' } });
});

test('an empty file is known to be empty', async () => {
  const file = await origin.probe({ content: bytesContent(new Uint8Array()) });
  expect(file).toMatchObject({ size: 0, version: { size: 0 }, acceptsRanges: true, share: { allowed: true } });
});

test('an empty file is known to be empty without HEAD', async () => {
  const file = await origin.probe({ content: bytesContent(new Uint8Array()), faults: { headStatus: 405 } });
  expect(file).toMatchObject({ size: 0, acceptsRanges: true });
});

test.each<[string, Partial<OriginScript>]>([
  ['private', { headers: { 'cache-control': 'private, max-age=60' } }],
  ['no-store', { headers: { 'cache-control': 'no-store' } }],
  ['set-cookie', { headers: { 'set-cookie': ['a=1', 'b=2'] } }],
  ['vary', { headers: { vary: '*' } }],
  ['no-validator', { etag: null, lastModified: null }],
])('a file is not shared: %s', async (reason, script) => {
  expect((await origin.probe(script)).share).toEqual({ allowed: false, reason });
});

test('a file asked for with credentials is not shared', async () => {
  const url = origin.serve();
  const file = await origin.client.probe(url, { signal: never, requestHeaders: { Authorization: 'Bearer x' } });
  expect(file.share).toEqual({ allowed: false, reason: 'credentials' });
  expect(origin.server.seen[0]?.headers.authorization).toBe('Bearer x');
});

test.each([
  [404, 'E_ORIGIN_STATUS'],
  [410, 'E_ORIGIN_STATUS'],
  [500, 'E_ORIGIN_FAILING'],
  [503, 'E_ORIGIN_FAILING'],
  [204, 'E_ORIGIN_PROTOCOL'],
  [304, 'E_ORIGIN_STATUS'],
])('status %i is told as %s', async (status, code) => {
  const error = await failureOf(origin.probe({ faults: { status } }));
  expect(error).toMatchObject({ code, details: { status } });
});

test('a GET that is refused as HEAD was is told by its own status', async () => {
  const error = await failureOf(origin.probe({ faults: { status: 403 } }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 403 } });
  expect(error.hint).toBeDefined();
});

test('Retry-After of an overloaded origin is passed on', async () => {
  const error = await failureOf(origin.probe({ faults: { status: 429 }, headers: { 'retry-after': '3' } }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_FAILING', details: { retryAfterMs: 3000 } });
});

test('an encoded file is refused with a clear answer', async () => {
  const error = await failureOf(origin.probe({ faults: { gzip: true } }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_PROTOCOL', details: { contentEncoding: 'gzip' } });
});

test('a length beyond all reason is refused', async () => {
  const content = { size: 2 ** 60, read: (start: number, end: number) => Buffer.alloc(end - start) };
  expect((await failureOf(origin.probe({ content }))).code).toBe('E_ORIGIN_PROTOCOL');
  const error = await failureOf(origin.probe({ content, faults: { noRanges: true } }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_PROTOCOL', details: { limit: 'maxFileBytes' } });
});

test('a file above the limit is refused before a byte of it is fetched', async () => {
  await using small = await OriginFixture.open({ origin: { maxFileBytes: 299_999 } });
  expect(await failureOf(small.probe())).toMatchObject({ details: { limit: 'maxFileBytes', size: 300_000 } });
  expect(small.server.stats.bytesSent).toBe(0);
});

test('headers of megabytes are refused', async () => {
  const error = await failureOf(origin.probe({ headers: { 'x-padding': 'a'.repeat(20_000) } }));
  expect(error.code).toBe('E_ORIGIN_PROTOCOL');
});

test.each([
  ['no-url', 'E_INVALID_URL'],
  ['ftp://origin.test/', 'E_INVALID_URL'],
  ['http://user:word@origin.test/', 'E_INVALID_URL'],
])('%s is refused before anything is sent', async (url, code) => {
  expect((await failureOf(origin.client.probe(url, { signal: never }))).code).toBe(code);
});
