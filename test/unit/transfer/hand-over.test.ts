import { appendFile, copyFile, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { DATE_MS, damage, MIB, PartFixture, sha256 } from '../../support/part-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('a sealed file', () => {
  it('is handed over later, by whoever comes, and dated as at the origin', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, MIB + 1000);
    await file.sealed();
    const { destination } = file.target;
    expect(await PartFile.handOver(destination)).toBe('moved');
    expect(await readFile(destination)).toEqual(file.content);
    expect((await stat(destination)).mtimeMs).toBe(DATE_MS);
    await expect(stat(file.partPath)).rejects.toThrow();
    await expect(stat(file.journalPath)).rejects.toThrow();
    await expect(PartFile.handOver(destination)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('is known again when a crash came between the rename and the end', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 1000);
    await file.sealed();
    const { destination } = file.target;
    await copyFile(file.journalPath, `${file.journalPath}.kept`);
    await PartFile.handOver(destination);
    await copyFile(`${file.journalPath}.kept`, file.journalPath);
    expect((await PartFile.readSealed(file.target))?.pieces).toHaveLength(1);
    expect(await PartFile.handOver(destination)).toBe('already');
    await expect(stat(file.journalPath)).rejects.toThrow();
    expect(await readFile(destination)).toEqual(file.content);
  });

  it('is known again when a crash came before anybody noted that it was moved', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 1000);
    await file.sealed();
    const { destination } = file.target;
    const crash = () => Promise.reject(new Error('the process ends here'));
    await expect(PartFile.handOver(destination, crash)).rejects.toMatchObject({ code: 'E_IO' });
    await expect(PartFile.handOver(destination, crash)).rejects.toMatchObject({ code: 'E_IO' });
    expect(await PartFile.handOver(destination)).toBe('already');
    await expect(stat(file.journalPath)).rejects.toThrow();
    expect(await readFile(destination)).toEqual(file.content);
  });

  it('is not taken for handed over when somebody deleted it and an older file lies at its destination', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 1000);
    await file.sealed();
    await rm(file.partPath);
    await writeFile(file.target.destination, 'an older file');
    await expect(PartFile.handOver(file.target.destination)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    expect(await readFile(file.target.destination, 'utf8')).toBe('an older file');
  });

  it('is not handed over when somebody changed it, and opening it tells what is left', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    await file.sealed();
    await damage(file.partPath, 5);
    await expect(PartFile.handOver(file.target.destination)).rejects.toMatchObject({ code: 'E_VALIDATION_FAILED' });
    expect(await PartFile.readSealed(file.target)).toBeNull();
    const part = await PartFile.open(file.target);
    expect(part.missing.ranges).toEqual([{ start: 0, end: MIB }]);
    await file.send(part, { start: 0, end: MIB });
    await part.seal();
    expect(await PartFile.handOver(file.target.destination)).toBe('moved');
    expect(await readFile(file.target.destination)).toEqual(file.content);
  });

  it('is handed over after its date was touched and it was checked again', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    await file.sealed();
    await utimes(file.partPath, 1, 1);
    await expect(PartFile.handOver(file.target.destination)).rejects.toMatchObject({ code: 'E_VALIDATION_FAILED' });
    const part = await PartFile.open(file.target);
    expect(part.isComplete).toBe(true);
    await part.seal();
    expect(await PartFile.handOver(file.target.destination)).toBe('moved');
  });

  it('gives its pieces without being read, only to who names the same download', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB + 5);
    const part = await file.sealed();
    expect(await PartFile.readSealed(file.target)).toEqual({ pieces: part.pieces(), pieceSize: MIB });
    expect(await PartFile.readSealed({ ...file.target, url: 'http://origin.test/other' })).toBeNull();
    await appendFile(file.journalPath, `0 ${MIB} ${sha256(Buffer.from('x')).toString('hex')}\n`);
    expect(await PartFile.readSealed(file.target)).toBeNull();
  });

  it('has every byte', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const part = await PartFile.open(file.target);
    await file.send(part, { start: 0, end: MIB + 5 });
    await expect(part.seal()).rejects.toMatchObject({ code: 'E_INTERNAL' });
    await part.close();
    expect(await PartFile.readSealed(file.target)).toBeNull();
    expect((await PartFile.journaled(file.target)).ranges).toEqual([{ start: 0, end: MIB }]);
    await expect(PartFile.handOver(file.target.destination)).rejects.toMatchObject({ code: 'E_VALIDATION_FAILED' });
  });

  it('replaces what lies at its destination, but no directory', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 10);
    await file.sealed();
    await mkdir(file.target.destination);
    await expect(PartFile.handOver(file.target.destination)).rejects.toMatchObject({ code: 'E_IO' });
    await rm(file.target.destination, { recursive: true });
    await writeFile(file.target.destination, 'old');
    expect(await PartFile.handOver(file.target.destination)).toBe('moved');
    expect(await readFile(file.target.destination)).toEqual(file.content);
  });
});

describe('a file of unknown size', () => {
  it('is handed over without a journal', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 10);
    await writeFile(file.partPath, 'all of it');
    expect(await PartFile.handOver(file.target.destination)).toBe('moved');
    expect(await readFile(file.target.destination, 'utf8')).toBe('all of it');
  });
});

describe('removing an unfinished file', () => {
  it('leaves nothing, and needs nothing', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    await file.sealed();
    expect(await PartFile.remove(file.target.destination)).toBe(false);
    await expect(stat(file.partPath)).rejects.toThrow();
    await expect(stat(file.journalPath)).rejects.toThrow();
    expect(await PartFile.remove(file.target.destination)).toBe(false);
  });

  it('says that something is left that cannot be deleted', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 10);
    await mkdir(file.partPath);
    expect(await PartFile.remove(file.target.destination)).toBe(true);
  });
});

describe('a direct file', () => {
  it('is written at its destination, without a journal, and dated', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    await writeFile(file.target.destination, 'old and much longer'.repeat(200_000));
    const part = await PartFile.open(file.target, { direct: true });
    expect(part.path).toBe(file.target.destination);
    await file.send(part, { start: 0, end: 2 * MIB });
    await part.seal();
    expect(await readFile(part.path)).toEqual(file.content);
    expect((await stat(part.path)).mtimeMs).toBe(DATE_MS);
    await expect(stat(file.journalPath)).rejects.toThrow();
  });

  it('starts over when it is opened again, unless it was only paused', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const first = await PartFile.open(file.target, { direct: true });
    await file.send(first, { start: 0, end: MIB + 5 });
    const warm = await first.suspend();
    const second = await PartFile.open(file.target, { direct: true, warm });
    expect(second.written.size).toBe(MIB + 5);
    await second.close();
    const third = await PartFile.open(file.target, { direct: true });
    expect(third.written.isEmpty).toBe(true);
    expect((await stat(third.path)).size).toBe(0);
    await third.close();
  });

  it('is gone when it is given up', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const part = await PartFile.open(file.target, { direct: true });
    await file.send(part, { start: 0, end: 5 });
    await part.close();
    expect(await PartFile.remove(file.target.destination, { direct: true })).toBe(false);
    await expect(stat(part.path)).rejects.toThrow();
  });
});
