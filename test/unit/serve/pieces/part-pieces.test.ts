import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NearbitsError } from '../../../../src/core/errors.ts';
import type { PartPieces } from '../../../../src/serve/pieces/part-pieces.ts';
import { SharedPart } from '../../../support/shared-part.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const bytes = randomBytes(4 * MIB + 5);

let dir: Awaited<ReturnType<typeof tempDir>>;
let part: SharedPart;
let damaged: number[];

beforeEach(async () => {
  dir = await tempDir();
  damaged = [];
  part = await SharedPart.create(dir.path, bytes, MIB, { onDamage: (piece) => damaged.push(piece) });
});

afterEach(async () => {
  await part[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

async function read(pieces: PartPieces, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await pieces.read({ start, end }, (chunk) => void chunks.push(Buffer.from(chunk)), never);
  return Buffer.concat(chunks);
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: NearbitsError) => error.code,
  );

test('only what is there is offered, from the moment when it is', async () => {
  part.have.delete(1);
  expect([part.pieces.hashOf(0), part.pieces.hashOf(1)]).toEqual([part.descriptor.pieces[0], null]);
  const chunks: Uint8Array[] = [];
  const reading = part.pieces.read({ start: MIB, end: 3 * MIB }, (chunk) => void chunks.push(chunk), never);
  expect([await failure(reading), chunks.length]).toEqual(['E_NOT_FOUND', 0]);
  part.have.add(1);
  expect((await read(part.pieces, MIB, 3 * MIB)).equals(bytes.subarray(MIB, 3 * MIB))).toBe(true);
});

test.each([
  [1, MIB],
  [0, MIB + 1],
  [0, 5 * MIB],
  [-MIB, MIB],
  [2 * MIB, MIB],
])('%s to %s are no whole pieces', async (start, end) => {
  expect(await failure(read(part.pieces, start, end))).toBe('E_INVALID_RANGE');
});

test('a damaged piece is told once and not offered before it was repaired; the others are', async () => {
  await part.damage(MIB + 7);
  expect(await failure(read(part.pieces, MIB, 2 * MIB))).toBe('E_CACHE_DAMAGED');
  expect([damaged, part.pieces.hashOf(1)]).toEqual([[1], null]);
  expect(await failure(read(part.pieces, MIB, 2 * MIB))).toBe('E_NOT_FOUND');
  expect(await read(part.pieces, 2 * MIB, 3 * MIB)).toHaveLength(MIB);
  await part.repair();
  part.pieces.repaired(1);
  expect((await read(part.pieces, MIB, 2 * MIB)).equals(bytes.subarray(MIB, 2 * MIB))).toBe(true);
  expect(damaged).toEqual([1]);
});

test('a repaired piece is compared again', async () => {
  await read(part.pieces, MIB, 2 * MIB);
  await part.damage(MIB);
  part.pieces.repaired(1);
  expect(await failure(read(part.pieces, MIB, 2 * MIB))).toBe('E_CACHE_DAMAGED');
});

test('a piece is compared with its hash only the first time', async () => {
  await read(part.pieces, 0, MIB);
  await part.damage(3);
  expect((await read(part.pieces, 0, MIB)).equals(bytes.subarray(0, MIB))).toBe(false);
});

test('a file that was cut off has lost the pieces behind the cut', async () => {
  await part.truncate(2 * MIB + 10);
  expect(await failure(read(part.pieces, 2 * MIB, 3 * MIB))).toBe('E_CACHE_DAMAGED');
  expect(damaged).toEqual([2]);
});

test('once it is finished, a file that somebody changes is given no more', async () => {
  await part.pieces.finished();
  expect(await read(part.pieces, 0, MIB)).toHaveLength(MIB);
  await part.truncate(4 * MIB);
  expect(await failure(read(part.pieces, 0, MIB))).toBe('E_NOT_FOUND');
  expect(part.pieces.hashOf(0)).toBeNull();
});

test('closing ends what is being read and offers nothing any more', async () => {
  const taken = Promise.withResolvers<void>();
  let chunks = 0;
  const reading = failure(
    part.pieces.read(
      { start: 0, end: bytes.length },
      () => {
        chunks++;
        return taken.promise;
      },
      never,
    ),
  );
  await expect.poll(() => chunks).toBe(1);
  const closing = part.pieces.close();
  expect(part.pieces.hashOf(0)).toBeNull();
  taken.resolve();
  await Promise.all([closing, part.pieces.close()]);
  expect(await reading).toBe('E_NOT_FOUND');
  expect(await failure(read(part.pieces, 0, MIB))).toBe('E_NOT_FOUND');
});
