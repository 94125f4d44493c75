import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesOf, collect, failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { bytesContent, type Faults, LAST_MODIFIED } from '../../support/origin-script.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';

const content = new PseudoRandomFile({ size: 300_000 });
const version = { size: 300_000, lastModifiedMs: Date.parse(LAST_MODIFIED), etag: '"size-300000"' };
let origin: OriginFixture;

beforeEach(async () => {
  origin = await OriginFixture.open();
});

afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

test.each<[string, Faults]>([
  ['ranges', { noRanges: true }],
  ['a size', { noLength: true, noRanges: true }],
  ['chunks or a size, as in HTTP/1.0', { untilClose: true, noRanges: true }],
])('a file comes whole from an origin without %s', async (_, faults) => {
  const file = await origin.probe({ faults });
  const got = collect();
  expect(await origin.client.fetchWhole(file, got.sink, never)).toEqual({
    size: 300_000,
    version,
    share: { allowed: true },
  });
  expect(got.bytes()).toEqual(bytesOf(content));
});

test('an empty file comes whole', async () => {
  const file = await origin.probe({ content: bytesContent(new Uint8Array()) });
  expect(await origin.client.fetchWhole(file, () => expect.unreachable(), never)).toMatchObject({ size: 0 });
});

test('a file that changed since the probe is refused', async () => {
  const file = await origin.probe({ faults: { noRanges: true } });
  origin.serve({ etag: '"other"', faults: { noRanges: true } });
  const error = await failureOf(origin.client.fetchWhole(file, () => expect.unreachable(), never));
  expect(error.code).toBe('E_ORIGIN_CHANGED');
});

test('a file of unknown size is cut off at the limit', async () => {
  await using small = await OriginFixture.open({ origin: { maxFileBytes: 100_000 } });
  const file = await small.probe({ faults: { noLength: true, noRanges: true } });
  const got = collect();
  const error = await failureOf(small.client.fetchWhole(file, got.sink, never));
  expect(error).toMatchObject({ code: 'E_ORIGIN_PROTOCOL', details: { limit: 'maxFileBytes' } });
  expect(got.bytes().length).toBeLessThanOrEqual(100_000);
});

test('a chunked file that is cut is truncated', async () => {
  const file = await origin.probe({ faults: { noLength: true, noRanges: true, closeAfterBytes: 1000 } });
  expect((await failureOf(origin.client.fetchWhole(file, () => {}, never))).code).toBe('E_ORIGIN_TRUNCATED');
});

test('an encoded file is refused', async () => {
  const file = await origin.probe({ faults: { noRanges: true } });
  origin.serve({ faults: { noRanges: true, gzip: true } });
  expect((await failureOf(origin.client.fetchWhole(file, () => {}, never))).code).toBe('E_ORIGIN_PROTOCOL');
});

test('what forbids sharing is told by the answer itself', async () => {
  const file = await origin.probe({ faults: { noRanges: true } });
  origin.serve({ faults: { noRanges: true }, headers: { 'cache-control': 'private' } });
  expect((await origin.client.fetchWhole(file, () => {}, never)).share).toEqual({ allowed: false, reason: 'private' });
});
