import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { CHUNK_BYTES, ChunkPool, copyInto } from '../../../src/core/chunk-pool.ts';

test('a chunk that was given back is lent again', () => {
  const pool = new ChunkPool({ maxKept: 1 });
  const first = pool.take();
  expect(first.byteLength).toBe(CHUNK_BYTES);
  pool.giveBack(first);
  expect(pool.take().buffer).toBe(first.buffer);
});

test('a trimmed chunk comes back as a whole one', () => {
  const pool = new ChunkPool({ maxKept: 1 });
  const whole = pool.take();
  const short = pool.trim(whole, 10);
  expect(short.byteLength).toBe(10);
  pool.giveBack(whole);
  expect(pool.take().buffer).not.toBe(whole.buffer);
  pool.giveBack(short);
  const again = pool.take();
  expect(again.buffer).toBe(whole.buffer);
  expect(again.byteLength).toBe(CHUNK_BYTES);
});

test('nothing is lent to two owners: foreign views and second returns are ignored', () => {
  const pool = new ChunkPool({ maxKept: 4 });
  const chunk = pool.take();
  pool.giveBack(chunk.subarray(0, 5));
  pool.giveBack(new Uint8Array(CHUNK_BYTES));
  pool.giveBack(chunk);
  pool.giveBack(chunk);
  const taken = [pool.take(), pool.take()];
  expect(taken[0]?.buffer).toBe(chunk.buffer);
  expect(taken[1]?.buffer).not.toBe(chunk.buffer);
});

test('no more than the limit is kept', () => {
  const pool = new ChunkPool({ maxKept: 1 });
  const [a, b] = [pool.take(), pool.take()];
  pool.giveBack(a);
  pool.giveBack(b);
  expect(pool.take().buffer).toBe(a.buffer);
  expect(pool.take().buffer).not.toBe(b.buffer);
});

test.each([0, 1, 2, 65_536])('%i bytes are copied into a chunk, and no more', (length) => {
  const chunk = new ChunkPool({ maxKept: 0 }).take().fill(7);
  const bytes = randomBytes(length);
  copyInto(chunk, 3, bytes);
  expect(Buffer.from(chunk.subarray(3, 3 + length)).equals(bytes)).toBe(true);
  expect([chunk[2], chunk[3 + length]]).toEqual([7, 7]);
});
