import { createHash, randomBytes } from 'node:crypto';
import { appendFile, open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ByteRange } from '../../../src/core/byte-range.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import { PartFile } from '../../../src/transfer/part-file.ts';
import type { PartTarget } from '../../../src/transfer/part-target.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const content = randomBytes(3 * MIB + 1000);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function target(folder: string, extra: Partial<PartTarget> = {}): PartTarget {
  return {
    destination: join(folder, 'file.bin'),
    url: 'http://origin.test/file.bin',
    version: { size: content.length, lastModifiedMs: 1_600_000_000_000, etag: '"1"' },
    ranges: [{ start: 0, end: content.length }],
    ...extra,
  };
}

async function put(part: PartFile, range: ByteRange): Promise<void> {
  const bytes = content.subarray(range.start, range.end);
  await part.write([bytes], range.start);
  await part.commit(range, sha256(bytes));
}

describe('a part file', () => {
  it('becomes the destination, dated as at the origin, when all is there', async () => {
    await using dir = await tempDir();
    const part = await PartFile.open(target(dir.path));
    for (const piece of part.grid) await put(part, piece);
    expect(part.isComplete).toBe(true);
    expect(part.pieces().map((piece) => piece.end - piece.start)).toEqual([MIB, MIB, MIB, 1000]);
    await part.seal();
    expect(await PartFile.handOver(part.target.destination)).toBe('moved');
    expect(content.equals(await readFile(join(dir.path, 'file.bin')))).toBe(true);
    expect((await stat(join(dir.path, 'file.bin'))).mtimeMs).toBe(1_600_000_000_000);
    await expect(stat(join(dir.path, 'file.bin.nbpart'))).rejects.toThrow();
    await expect(stat(join(dir.path, 'file.bin.nbpart.log'))).rejects.toThrow();
  });

  it('goes on where it was after a restart', async () => {
    await using dir = await tempDir();
    const first = await PartFile.open(target(dir.path));
    await put(first, first.grid[0] as ByteRange);
    await put(first, first.grid[2] as ByteRange);
    await first.close();
    const second = await PartFile.open(target(dir.path));
    expect(second.dropped).toBeNull();
    expect(second.proven.ranges).toEqual([first.grid[0], first.grid[2]]);
    await second.close();
  });

  it('believes neither its journal nor its bytes: what does not hash right is missing again', async () => {
    await using dir = await tempDir();
    const first = await PartFile.open(target(dir.path));
    for (const piece of first.grid) await put(first, piece);
    await first.close();
    const file = await open(first.path, 'r+');
    await file.write(Buffer.from('x'), 0, 1, MIB + 5);
    await file.close();
    await appendFile(`${first.path}.log`, '0 12 torn li');
    const second = await PartFile.open(target(dir.path));
    expect(second.missing.ranges).toEqual([{ start: MIB, end: 2 * MIB }]);
    await second.close();
    const third = await PartFile.open(target(dir.path));
    expect(third.missing.ranges).toEqual([{ start: MIB, end: 2 * MIB }]);
    await third.close();
  });

  it('starts over when the part file is shorter than its journal says', async () => {
    await using dir = await tempDir();
    const first = await PartFile.open(target(dir.path));
    await put(first, first.grid[1] as ByteRange);
    await first.close();
    await writeFile(first.path, '');
    const second = await PartFile.open(target(dir.path));
    expect(second.proven.isEmpty).toBe(true);
    await second.close();
  });

  it.each([
    [
      'another version',
      { version: { size: content.length, lastModifiedMs: 1_600_000_000_000, etag: '"2"' } },
      /changed/,
    ],
    ['another URL', { url: 'http://origin.test/other.bin' }, /another URL/],
    ['other ranges', { ranges: [{ start: 0, end: 10 }] }, /other ranges/],
  ])('is dropped with the reason when it belongs to %s', async (_, extra, reason) => {
    await using dir = await tempDir();
    const first = await PartFile.open(target(dir.path));
    await put(first, first.grid[0] as ByteRange);
    await first.close();
    const second = await PartFile.open(target(dir.path, extra));
    expect(second.dropped).toMatch(reason);
    expect(second.proven.isEmpty).toBe(true);
    await second.close();
  });

  it('is dropped when its journal is garbage', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'file.bin.nbpart.log'), randomBytes(5000));
    const part = await PartFile.open(target(dir.path));
    expect(part.dropped).toMatch(/damaged/);
    await part.close();
  });

  it('does not write through a link that lies in its place', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'precious'), 'precious');
    await symlink(join(dir.path, 'precious'), join(dir.path, 'file.bin.nbpart'));
    await expect(PartFile.open(target(dir.path))).rejects.toMatchObject({ code: 'E_IO' });
    expect(await readFile(join(dir.path, 'precious'), 'utf8')).toBe('precious');
  });

  it('writes ranges back to back in the order they were asked for', async () => {
    await using dir = await tempDir();
    const ranges = [
      { start: 2 * MIB + 10, end: 2 * MIB + 20 },
      { start: MIB - 5, end: MIB + 5 },
    ];
    const part = await PartFile.open(target(dir.path, { ranges }));
    expect(part.grid).toHaveLength(3);
    // Neighbours give whole pieces: what is not wanted of them is left out.
    await put(part, { start: 0, end: 2 * MIB });
    await put(part, { start: 2 * MIB, end: 3 * MIB });
    expect(part.isComplete).toBe(true);
    expect(part.pieces().map((piece) => Buffer.from(piece.hash))).toEqual(
      part.grid.map((piece) => sha256(content.subarray(piece.start, piece.end))),
    );
    await part.seal();
    expect(await PartFile.handOver(part.target.destination)).toBe('moved');
    const expected = Buffer.concat(ranges.map((range) => content.subarray(range.start, range.end)));
    expect(await readFile(join(dir.path, 'file.bin'))).toEqual(expected);
  });

  it('is complete at once when the file is empty', async () => {
    await using dir = await tempDir();
    const version = { size: 0, lastModifiedMs: null, etag: null };
    const part = await PartFile.open(target(dir.path, { version, ranges: [{ start: 0, end: 0 }] }));
    expect(part.isComplete).toBe(true);
    await part.seal();
    expect(await PartFile.handOver(part.target.destination)).toBe('moved');
    expect((await stat(join(dir.path, 'file.bin'))).size).toBe(0);
  });

  it('commits part of a piece and keeps the rest missing', async () => {
    await using dir = await tempDir();
    const part = await PartFile.open(target(dir.path));
    await put(part, { start: 0, end: 1000 });
    expect(part.proven.equals(RangeSet.of({ start: 0, end: 1000 }))).toBe(true);
    expect(part.pieces()).toEqual([]);
    await part.discard();
    await expect(stat(part.path)).rejects.toThrow();
  });
});
