import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesOf, collect, failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { bytesContent, type Faults, LAST_MODIFIED } from '../../support/origin-script.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';
import { loopbackCertificate } from '../../support/tls-certificate.ts';

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
  expect(await origin.client.fetchWhole(file, got.sink, never)).toMatchObject({
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

test.each<[string, Faults]>([
  ['with a length', {}],
  ['chunked', { noLength: true, noRanges: true }],
])('a large file arrives unharmed over http and https while the sink comes and goes: %s', async (_, faults) => {
  const tls = await loopbackCertificate();
  const large = new PseudoRandomFile({ size: 24_000_001, seed: 'large' });
  const digest = await large.sha256();
  await using secure = await OriginFixture.open({ server: { tls }, origin: { extraCaPem: tls.cert } });
  for (const fixture of [origin, secure]) {
    const hash = createHash('sha256');
    let turn = 0;
    const sink = (chunk: Uint8Array) => {
      hash.update(chunk);
      return ++turn % 3 === 0 ? new Promise<void>((resolve) => setImmediate(resolve)) : undefined;
    };
    await fixture.client.fetchWhole(await fixture.probe({ content: large, faults }), sink, never);
    expect(hash.digest('hex')).toBe(digest);
  }
});
