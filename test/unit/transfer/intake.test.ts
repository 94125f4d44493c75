import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { PieceHasher } from '../../../src/transfer/hashing/piece-hasher.ts';
import { Intake, type Span } from '../../../src/transfer/intake.ts';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const content = randomBytes(3 * MIB);

async function openPart(folder: string): Promise<PartFile> {
  return PartFile.open({
    destination: join(folder, 'file.bin'),
    url: 'http://origin.test/file.bin',
    version: { size: content.length, lastModifiedMs: null, etag: '"1"' },
    ranges: [{ start: 0, end: content.length }],
  });
}

function spans(part: PartFile, hashed: boolean): Span[] {
  return part.grid.map((piece) => ({
    ...piece,
    expected: hashed ? createHash('sha256').update(content.subarray(piece.start, piece.end)).digest() : null,
  }));
}

async function feed(intake: Intake, bytes: Buffer, chunkBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes) await intake.sink(bytes.subarray(at, at + chunkBytes));
}

/** Hashes everything elsewhere, once it may. */
class ThreadedHasher extends PieceHasher {
  readonly #gate = Promise.withResolvers<void>();
  constructor() {
    super({ clock: new ManualClock(), startThread: null });
  }
  override async sha256(bytes: Uint8Array): Promise<Uint8Array> {
    await this.#gate.promise;
    return super.sha256(bytes);
  }
  go(): void {
    this.#gate.resolve();
  }
}

describe('an intake', () => {
  it.each([7777, 65_536, 5 * MIB])('proves and writes what comes in chunks of %i bytes', async (chunkBytes) => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const intake = new Intake({ part, onProven: () => {} }, spans(part, true), null);
    await feed(intake, content, chunkBytes);
    await intake.settle();
    expect(part.isComplete).toBe(true);
    expect(part.heads.size).toBe(0);
    await part.seal();
    await PartFile.handOver(part.target.destination);
    expect(content.equals(await readFile(join(dir.path, 'file.bin')))).toBe(true);
  });

  it('never commits a piece with a wrong hash and keeps the good ones before it', async () => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const intake = new Intake({ part, onProven: () => {} }, spans(part, true), null);
    const wrong = Buffer.from(content);
    wrong[MIB + 3] = (wrong[MIB + 3] as number) ^ 1;
    await expect(feed(intake, wrong, 65_536)).rejects.toMatchObject({ code: 'E_PEER_BAD_DATA' });
    await expect(intake.settle()).rejects.toMatchObject({ code: 'E_PEER_BAD_DATA' });
    expect(part.proven.ranges).toEqual([{ start: 0, end: MIB }]);
    await part.discard();
  });

  it.each([
    ['alone', false],
    ['beside others', true],
  ])('keeps what is right of what was hashed elsewhere when one piece is wrong (%s)', async (_, isShared) => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const hasher = new ThreadedHasher();
    const proven: number[] = [];
    const onProven = ({ start }: { start: number }) => proven.push(start);
    const intake = new Intake({ part, onProven, isShared, hasher }, spans(part, true), null);
    const wrong = Buffer.from(content);
    wrong[MIB + 3] = (wrong[MIB + 3] as number) ^ 1;
    // All of it is taken in before anything is judged.
    await feed(intake, wrong, MIB);
    hasher.go();
    await expect(intake.settle()).rejects.toMatchObject({ code: 'E_PEER_BAD_DATA', details: { start: MIB } });
    expect(proven).toEqual([0, 2 * MIB]);
    expect(part.missing.ranges).toEqual([{ start: MIB, end: 2 * MIB }]);
    expect(() => intake.sink(new Uint8Array(1))).toThrow('do not match their hash');
    await part.discard();
  });

  it('enters pieces in the order of the file, whichever is hashed first', async () => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const hasher = new ThreadedHasher();
    const proven: number[] = [];
    const onProven = ({ start }: { start: number }) => proven.push(start);
    const intake = new Intake({ part, onProven, hasher }, spans(part, true), null);
    await intake.sink(content.subarray(0, MIB));
    // In two chunks, and so hashed where it is.
    await intake.sink(content.subarray(MIB, MIB + 5));
    await intake.sink(content.subarray(MIB + 5, 2 * MIB));
    await intake.sink(content.subarray(2 * MIB));
    expect(proven).toEqual([]);
    hasher.go();
    await intake.settle();
    expect(proven).toEqual([0, MIB, 2 * MIB]);
    await part.discard();
  });

  it('lets another request continue a piece that broke off', async () => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const first = new Intake({ part, onProven: () => {} }, spans(part, false), null);
    await feed(first, content.subarray(0, MIB + 12_345), 10_000);
    await first.settle();
    const head = part.heads.get(MIB);
    expect(head?.offset).toBe(MIB + 12_345);
    const second = new Intake({ part, onProven: () => {} }, spans(part, false).slice(1), head ?? null);
    await feed(second, content.subarray(MIB + 12_345), 10_000);
    await second.settle();
    expect(part.isComplete).toBe(true);
    const hashes = part.pieces().map((piece) => Buffer.from(piece.hash));
    expect(hashes).toEqual(spans(part, true).map((span) => span.expected));
    await part.discard();
  });

  it('refuses more bytes than were asked for', async () => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const intake = new Intake({ part, onProven: () => {} }, spans(part, false).slice(2), null);
    await expect(feed(intake, Buffer.alloc(MIB + 1), 4096)).rejects.toMatchObject({ code: 'E_PEER_PROTOCOL' });
    await part.discard();
  });

  it('writes nothing that is not proven where several bring the same bytes', async () => {
    await using dir = await tempDir();
    const part = await openPart(dir.path);
    const deps = { part, onProven: () => {}, isShared: true };
    const whole = { start: 0, end: content.length, expected: createHash('sha256').update(content).digest() };
    const [right, wrong, cut] = [1, 2, 3].map(() => new Intake(deps, [whole], null)) as [Intake, Intake, Intake];
    const other = Buffer.alloc(content.length);
    await feed(right, content.subarray(0, 2 * MIB), 65_536);
    // What is written now would lie over what came before it.
    await feed(cut, other.subarray(0, 2 * MIB), 65_536);
    await expect(feed(wrong, other, 65_536)).rejects.toMatchObject({ code: 'E_PEER_BAD_DATA' });
    await feed(right, content.subarray(2 * MIB), 65_536);
    await Promise.allSettled([right, cut, wrong].map((intake) => intake.settle()));
    expect(part.isComplete).toBe(true);
    await part.seal();
    expect(content.equals(await readFile(part.path))).toBe(true);
  });
});
