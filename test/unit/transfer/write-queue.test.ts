import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WriteQueue } from '../../../src/transfer/write-queue.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;

test('all who wait for room go on when there is room again', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'file');
  await using file = await open(path, 'w');
  const queue = new WriteQueue(file);
  const writes = [0, 1, 2].map((block) => queue.write([new Uint8Array(4 * MIB).fill(block + 1)], block * 4 * MIB));
  const waiting = [queue.room(), queue.room()];
  expect(waiting.every((room) => room !== undefined)).toBe(true);
  await Promise.all(writes);
  await Promise.all(waiting);
  expect(queue.room()).toBeUndefined();
  const bytes = await readFile(path);
  expect([bytes[0], bytes[4 * MIB], bytes[12 * MIB - 1]]).toEqual([1, 2, 3]);
});
