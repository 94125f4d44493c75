import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ByteRange } from '../../../src/core/byte-range.ts';
import type { NearbitsError } from '../../../src/core/errors.ts';
import { bytesOf, collect, failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { bytesContent, type Faults, type OriginScript } from '../../support/origin-script.ts';
import { OriginServer } from '../../support/origin-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';

const content = new PseudoRandomFile({ size: 300_000 });
const PART: ByteRange = { start: 100_000, end: 200_000 };
const WHOLE: ByteRange = { start: 0, end: 300_000 };
let origin: OriginFixture;

beforeEach(async () => {
  origin = await OriginFixture.open();
});

afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

/** Fetches from an origin that turned bad after the probe; returns the failure and what came before it. */
async function fetchFrom(
  script: Partial<OriginScript>,
  range = PART,
): Promise<{ error: NearbitsError; bytes: Buffer }> {
  const got = collect();
  const file = origin.fileFor(script);
  const known = {
    ...file,
    version: { size: 300_000, lastModifiedMs: Date.UTC(2026, 8, 1, 10), etag: '"size-300000"' },
  };
  const error = await failureOf(origin.client.source(known).fetch(range, got.sink, never));
  return { error, bytes: got.bytes() };
}

const lastRequest = () => origin.server.seen.at(-1)?.headers;

test('a part is asked for with If-Range and the strong ETag', async () => {
  const got = collect();
  await origin.client.source(await origin.probe()).fetch(PART, got.sink, never);
  expect(got.bytes()).toEqual(content.read(PART.start, PART.end));
  expect(lastRequest()).toMatchObject({ range: 'bytes=100000-199999', 'if-range': '"size-300000"' });
});

test('without an ETag the date is the condition', async () => {
  await origin.client.source(await origin.probe({ etag: null })).fetch(PART, () => {}, never);
  expect(lastRequest()?.['if-range']).toBe('Tue, 01 Sep 2026 10:00:00 GMT');
});

test('a weak ETag never stands in If-Range', async () => {
  const got = collect();
  await origin.client.source(await origin.probe({ etag: 'W/"weak"' })).fetch(PART, got.sink, never);
  expect(got.bytes()).toEqual(content.read(PART.start, PART.end));
  expect(lastRequest()).toMatchObject({ 'if-unmodified-since': 'Tue, 01 Sep 2026 10:00:00 GMT' });
  expect(lastRequest()?.['if-range']).toBeUndefined();
});

test('the whole file is asked for without Range, so that every server can answer', async () => {
  const got = collect();
  await origin.client.source(await origin.probe({ faults: { noRanges: true } })).fetch(WHOLE, got.sink, never);
  expect(got.bytes()).toEqual(bytesOf(content));
  expect(lastRequest()?.range).toBeUndefined();
});

test('a part of a file without ranges is refused without a request', async () => {
  const source = origin.client.source(await origin.probe({ faults: { noRanges: true } }));
  origin.server.resetStats();
  expect((await failureOf(source.fetch(PART, () => {}, never))).code).toBe('E_ORIGIN_NO_RANGES');
  expect(origin.server.stats.requests).toBe(0);
});

test('no source exists for a file of unknown size', async () => {
  const file = await origin.probe({ faults: { noLength: true, noRanges: true } });
  expect(() => origin.client.source(file)).toThrow(expect.objectContaining({ code: 'E_ORIGIN_NO_RANGES' }));
});

test.each<ByteRange>([
  { start: -1, end: 5 },
  { start: 6, end: 5 },
  { start: 0, end: 300_001 },
])('the range $start to $end is refused', async (range) => {
  const source = origin.client.source(await origin.probe());
  expect((await failureOf(source.fetch(range, () => {}, never))).code).toBe('E_INVALID_RANGE');
});

const CHANGES: [string, Partial<OriginScript>][] = [
  ['another ETag', { etag: '"other"' }],
  ['another date', { etag: null, lastModified: 'Wed, 02 Sep 2026 10:00:00 GMT' }],
  ['another size', { content: new PseudoRandomFile({ size: 299_999 }), etag: '"size-300000"' }],
];

test.each(CHANGES)('another version is never mixed in: %s', async (_, script) => {
  const { error, bytes } = await fetchFrom(script);
  expect(error.code).toBe('E_ORIGIN_CHANGED');
  expect(bytes).toHaveLength(0);
});

test.each(CHANGES)('another version is never taken for the whole: %s', async (_, script) => {
  const { error, bytes } = await fetchFrom(script, WHOLE);
  expect(error.code).toBe('E_ORIGIN_CHANGED');
  expect(bytes).toHaveLength(0);
});

test('a file that changes between two ranges is noticed at the second', async () => {
  const next = { content: new PseudoRandomFile({ size: 300_000, seed: 'new' }), etag: '"new"' };
  const source = origin.client.source(await origin.probe({ changeAfterRanges: 1, next }));
  await source.fetch({ start: 0, end: 100 }, () => {}, never);
  expect((await failureOf(source.fetch(PART, () => {}, never))).code).toBe('E_ORIGIN_CHANGED');
});

test('a 412 means another version', async () => {
  const lastModified = 'Wed, 02 Sep 2026 10:00:00 GMT';
  const file = await origin.probe({ etag: 'W/"weak"' });
  origin.serve({ etag: 'W/"weak"', lastModified });
  const error = await failureOf(origin.client.source(file).fetch(PART, () => {}, never));
  expect(error).toMatchObject({ code: 'E_ORIGIN_CHANGED', details: { status: 412 } });
});

const FAULTS: [string, Faults, string][] = [
  ['ignores Range', { ignoreRange: true }, 'E_ORIGIN_NO_RANGES'],
  ['refuses the range', { refuseRange: true }, 'E_ORIGIN_NO_RANGES'],
  ['starts elsewhere', { shiftRange: 1 }, 'E_ORIGIN_PROTOCOL'],
  ['claims another end', { contentRange: 'bytes 100000-150000/300000' }, 'E_ORIGIN_PROTOCOL'],
  ['claims another total', { contentRange: 'bytes 100000-199999/300001' }, 'E_ORIGIN_CHANGED'],
  ['hides the total', { contentRange: 'bytes 100000-199999/*' }, 'E_ORIGIN_PROTOCOL'],
  ['sends a garbled Content-Range', { contentRange: 'bytes=100000-199999' }, 'E_ORIGIN_PROTOCOL'],
  ['announces more than the range', { addToLength: 5 }, 'E_ORIGIN_PROTOCOL'],
  ['announces less than the range', { addToLength: -5 }, 'E_ORIGIN_PROTOCOL'],
  ['compresses', { gzip: true, ignoreRange: true }, 'E_ORIGIN_PROTOCOL'],
  ['answers 404', { status: 404 }, 'E_ORIGIN_STATUS'],
  ['answers 403', { status: 403 }, 'E_ORIGIN_STATUS'],
  ['answers 500', { status: 500 }, 'E_ORIGIN_FAILING'],
  ['answers 304', { status: 304 }, 'E_ORIGIN_STATUS'],
  ['hangs up', { closeAtOnce: true }, 'E_ORIGIN_UNREACHABLE'],
];

test.each(FAULTS)('no byte is taken from an origin that %s', async (_, faults, code) => {
  const { error, bytes } = await fetchFrom({ faults });
  expect(error.code).toBe(code);
  expect(bytes).toHaveLength(0);
});

test('more bytes than the range are cut off and told', async () => {
  const { error, bytes } = await fetchFrom({ faults: { extraBytes: 10 } });
  expect(error.code).toBe('E_ORIGIN_PROTOCOL');
  expect(content.read(PART.start, PART.end).subarray(0, bytes.length)).toEqual(bytes);
});

test.each<[string, Faults]>([
  ['with a length', { closeAfterBytes: 40_000 }],
  ['chunked', { closeAfterBytes: 40_000, noLength: true }],
  ['until close', { closeAfterBytes: 40_000, untilClose: true }],
])('a body that ends early is truncated, and what came is right: %s', async (_, faults) => {
  const { error, bytes } = await fetchFrom({ faults });
  expect(error.code).toBe('E_ORIGIN_TRUNCATED');
  expect(content.read(PART.start, PART.start + 40_000).subarray(0, bytes.length)).toEqual(bytes);
});

test('a whole file whose length is a lie is truncated', async () => {
  const { error } = await fetchFrom(
    {
      content: bytesContent(bytesOf(content).subarray(0, 299_000)),
      etag: '"size-300000"',
      faults: { addToLength: 1000 },
    },
    WHOLE,
  );
  expect(error.code).toBe('E_ORIGIN_TRUNCATED');
});

test('a chunked part is as good as one with a length', async () => {
  const got = collect();
  await origin.client.source(origin.fileFor({ faults: { noLength: true } })).fetch(PART, got.sink, never);
  expect(got.bytes()).toEqual(content.read(PART.start, PART.end));
});

test('an answer that forbids sharing later than the probe counts', async () => {
  const file = await origin.probe();
  const source = origin.client.source(file);
  expect(source.share).toEqual({ allowed: true });
  origin.serve({ headers: { 'cache-control': 'no-store' } });
  await source.fetch(PART, () => {}, never);
  expect(source.share).toEqual({ allowed: false, reason: 'no-store' });
});

test('a connection the origin closed while it was idle costs no failure', async () => {
  const source = origin.client.source(await origin.probe());
  origin.server.closeIdle();
  const got = collect();
  await source.fetch(PART, got.sink, never);
  expect(got.bytes()).toHaveLength(100_000);
});

test('a kept connection that breaks under a request is replaced once', async () => {
  let requests = 0;
  await using server = await OriginServer.start({
    resolve: () => ({ content, faults: { closeAtOnce: ++requests === 2 } }),
  });
  const source = origin.client.source(await origin.client.probe(server.url('/file'), { signal: never }));
  const got = collect();
  await source.fetch(PART, got.sink, never);
  expect(got.bytes()).toHaveLength(100_000);
  expect(requests).toBe(3);
});

test('an origin that always breaks the connection is not asked for ever', async () => {
  const source = origin.client.source(await origin.probe());
  origin.server.resetStats();
  origin.serve({ faults: { closeAtOnce: true } });
  expect((await failureOf(source.fetch(PART, () => {}, never))).code).toBe('E_ORIGIN_UNREACHABLE');
  expect(origin.server.stats.requests).toBeLessThanOrEqual(2);
});
