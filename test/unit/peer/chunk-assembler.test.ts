import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { CHUNK_BYTES, sharedChunks } from '../../../src/core/chunk-pool.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { ChunkAssembler } from '../../../src/peer/chunk-assembler.ts';

function assemble(range: { start: number; end: number }) {
  const clock = new ManualClock();
  const chunks: Uint8Array[] = [];
  const assembler = new ChunkAssembler({ clock }, range);
  return { clock, chunks, assembler, add: (bytes: Uint8Array) => assembler.add(bytes, (chunk) => chunks.push(chunk)) };
}

test('chunks end where pieces end, whatever the reads were', () => {
  const range = { start: CHUNK_BYTES - 10, end: 3 * CHUNK_BYTES + 7 };
  const bytes = randomBytes(range.end - range.start);
  const { chunks, assembler, add } = assemble(range);
  for (let at = 0; at < bytes.length; at += 16_384) add(bytes.subarray(at, at + 16_384));
  expect(chunks.map(({ byteLength }) => byteLength)).toEqual([10, CHUNK_BYTES, CHUNK_BYTES, 7]);
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  expect(assembler.missing).toBe(0);
});

test('a slow connection hands on what came, in buffers of their own', () => {
  const { clock, chunks, add, assembler } = assemble({ start: 0, end: 2 * CHUNK_BYTES });
  add(Buffer.from('ab'));
  expect(chunks).toHaveLength(0);
  clock.advance(1000);
  add(Buffer.from('cd'));
  expect(chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(['abcd']);
  expect(chunks[0]?.buffer.byteLength).toBe(4);
  expect(assembler.missing).toBe(2 * CHUNK_BYTES - 4);
  add(new Uint8Array(CHUNK_BYTES - 4));
  expect(chunks.at(-1)?.byteLength).toBe(CHUNK_BYTES - 4);
});

test('bytes that were read to their place are not copied, whatever the reads were', () => {
  const range = { start: CHUNK_BYTES - 10, end: 3 * CHUNK_BYTES + 7 };
  const bytes = randomBytes(range.end - range.start);
  const { chunks, assembler, add } = assemble(range);
  for (let at = 0; at < bytes.length; ) {
    const place = assembler.place() as Uint8Array;
    const length = Math.min(16_384, place.byteLength, bytes.length - at);
    place.set(bytes.subarray(at, at + length));
    add(place.subarray(0, length));
    at += length;
  }
  expect(chunks.map(({ byteLength }) => byteLength)).toEqual([10, CHUNK_BYTES, CHUNK_BYTES, 7]);
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  expect(assembler.place()).toBeNull();
});

test('a chunk that was begun and dropped is lent to nobody, because a connection may still read to it', () => {
  const { assembler } = assemble({ start: 0, end: CHUNK_BYTES });
  const { buffer } = assembler.place() as Uint8Array;
  assembler.drop();
  const others = Array.from({ length: 20 }, () => sharedChunks.take());
  expect(others.map((other) => other.buffer)).not.toContain(buffer);
  for (const other of others) sharedChunks.giveBack(other);
});
