import { copyFile, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { type WarmPart, WarmParts } from '../../../src/transfer/warm-parts.ts';
import { bytes, damage, MIB, PartFixture } from '../../support/part-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** One proven piece, and a head behind it. */
async function paused(file: PartFixture): Promise<WarmPart> {
  const part = await PartFile.open(file.target);
  await file.send(part, { start: 0, end: MIB + 500 });
  return part.suspend();
}

// The file system counts time in ticks: an edit within the tick of the last write cannot be told from it.
async function editedFor(path: string, edit: () => Promise<void>): Promise<void> {
  const look = async () => {
    const { ctimeNs, ino, size } = await stat(path, { bigint: true });
    return `${ctimeNs} ${ino} ${size}`;
  };
  const before = await look();
  do await edit();
  while ((await look()) === before);
}

describe('a paused part file', () => {
  it('goes on without being hashed again while nobody touches it', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    const warm = await paused(file);
    // Without its lines the journal proves nothing: what is known now comes from memory.
    const journal = await readFile(file.journalPath, 'utf8');
    await writeFile(file.journalPath, journal.slice(0, journal.indexOf('\n') + 1));
    const part = await PartFile.open(file.target, { warm });
    expect(part.proven.ranges).toEqual(bytes({ start: 0, end: MIB }));
    expect(part.written.ranges).toEqual(bytes({ start: 0, end: MIB + 500 }));
    await file.send(part, { start: MIB + 500, end: 3 * MIB });
    await part.seal();
    expect(await readFile(part.path)).toEqual(file.content);
  });

  it.each<[string, (file: PartFixture) => Promise<void>, number]>([
    ['a byte of a piece is edited', (file) => damage(file.partPath, 5), 500],
    ['a byte of the head is edited', (file) => damage(file.partPath, MIB + 5), MIB],
    ['it is cut', (file) => truncate(file.partPath, MIB), MIB],
    ['it is overwritten', (file) => writeFile(file.partPath, 'mine'), 0],
    ['it is replaced by a copy', replace, MIB + 500],
  ])('is hashed again when %s meanwhile', async (_, edit, left) => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    const warm = await paused(file);
    await editedFor(file.partPath, async () => {
      // Twice the same edit would undo itself.
      await writeFile(file.partPath, file.content.subarray(0, MIB + 500), { flag: 'r+' });
      await edit(file);
    });
    const part = await PartFile.open(file.target, { warm });
    expect(part.written.size).toBe(left);
    expect(await file.isTrue(part)).toBe(true);
    await part.discard();
  });

  it('counts only for the same download', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    const warm = await paused(file);
    const target = { ...file.target, version: { ...file.target.version, etag: '"2"' } };
    const part = await PartFile.open(target, { warm });
    expect(part.dropped).toMatch(/changed/);
    expect(part.written.isEmpty).toBe(true);
    await part.discard();
  });

  it('is given up when its journal was removed', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    const warm = await paused(file);
    await rename(file.journalPath, `${file.journalPath}.away`);
    const part = await PartFile.open(file.target, { warm });
    expect(part.written.isEmpty).toBe(true);
    await part.discard();
  });
});

describe('the store of paused part files', () => {
  it('hands out each one once, and keeps the 64 that were paused last', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 10);
    const part = await PartFile.open(file.target);
    const warm = await part.suspend();
    const parts = new WarmParts();
    for (let index = 0; index < 70; index++) parts.keep(`/d/${index}`, warm);
    parts.keep('/d/6', warm);
    parts.keep('/d/70', warm);
    expect(parts.size).toBe(64);
    expect(parts.take('/d/5')).toBeNull();
    expect(parts.take('/d/7')).toBeNull();
    expect(parts.take('/d/6')).toBe(warm);
    expect(parts.take('/d/6')).toBeNull();
  });
});

async function replace(file: PartFixture): Promise<void> {
  await copyFile(file.partPath, `${file.partPath}.copy`);
  await rename(`${file.partPath}.copy`, file.partPath);
}
