import { expect, test } from 'vitest';
import { Gatherer } from '../../../src/origin/gatherer.ts';

const MIB = 1024 * 1024;

/** Bytes in a buffer of their own, as a socket gives them. */
function socketRead(length: number, fill: number): Buffer {
  return Buffer.from(new ArrayBuffer(length)).fill(fill);
}

test('chunks end at multiples of 1 MiB of the file', () => {
  const gatherer = new Gatherer(MIB - 10);
  const first = gatherer.add(socketRead(30, 1));
  expect(first.map((chunk) => chunk.length)).toEqual([10]);
  expect(gatherer.add(socketRead(2 * MIB, 2)).map((chunk) => chunk.length)).toEqual([MIB, MIB]);
  expect(gatherer.flush()).toEqual(new Uint8Array(20).fill(2));
  expect(gatherer.isHolding).toBe(false);
});

test.each([1, MIB - 1])('a rest of %i bytes is flushed, and the next chunk still ends at the boundary', (length) => {
  const gatherer = new Gatherer(0);
  expect(gatherer.add(socketRead(length, 3))).toEqual([]);
  expect(gatherer.flush()).toHaveLength(length);
  expect(gatherer.add(socketRead(MIB, 4)).map((chunk) => chunk.length)).toEqual([MIB - length]);
});

test('nothing is flushed when nothing waits', () => {
  const gatherer = new Gatherer(5);
  expect(gatherer.flush()).toBeNull();
  gatherer.add(socketRead(10, 1));
  gatherer.drop();
  expect(gatherer.flush()).toBeNull();
});

test('the buffer of the call before is freed, its bytes are kept', () => {
  const gatherer = new Gatherer(0);
  const [first, second] = [socketRead(65_536, 1), socketRead(65_536, 2)];
  gatherer.add(first);
  expect(first).toHaveLength(65_536);
  gatherer.add(second);
  expect(first).toHaveLength(0);
  expect(second).toHaveLength(65_536);
  const rest = Buffer.from(gatherer.flush() as Uint8Array);
  expect([rest[65_535], rest[65_536], rest.length]).toEqual([1, 2, 131_072]);
});

test('a buffer that others share is left alone', () => {
  const gatherer = new Gatherer(0);
  const shared = socketRead(1000, 7);
  const pooled = Buffer.allocUnsafe(100).fill(7);
  for (const bytes of [shared.subarray(10), pooled, shared.subarray(0, 500), shared.subarray(500)]) gatherer.add(bytes);
  gatherer.add(socketRead(1, 1));
  expect([shared.length, pooled.length]).toEqual([1000, 100]);
});
