import { expect, test } from 'vitest';
import type { Source } from '../../src/core/source.ts';
import { never, testFile } from '../support/cache-fixture.ts';
import { ContentFixture } from '../support/content-fixture.ts';

const MIB = 1024 * 1024;

async function fetchAll(source: Source, start: number, end: number, signal = never): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await source.fetch({ start, end }, (chunk) => void chunks.push(Buffer.from(chunk)), signal);
  return Buffer.concat(chunks);
}

test('a peer gets exactly the ranges it asks for, over one connection', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(5 * MIB + 123);
  const record = await setup.cache.admit(file);
  const client = await setup.client();
  const source = client.source(setup.holder(record));
  for (const [start, end] of [
    [0, file.bytes.length],
    [0, 1],
    [MIB - 1, MIB + 1],
    [file.bytes.length - 1, file.bytes.length],
    [777, 3 * MIB + 5],
  ] as const) {
    expect((await fetchAll(source, start, end)).equals(file.bytes.subarray(start, end))).toBe(true);
  }
});
