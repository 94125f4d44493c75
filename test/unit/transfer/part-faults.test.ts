import { appendFile, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { bytes, damage, MIB, PartFixture } from '../../support/part-fixture.ts';
import { SmallDisk, whyNoSmallDisk } from '../../support/small-disk.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Two proven pieces and a head of 7 bytes behind them, closed. */
async function interrupted(file: PartFixture): Promise<void> {
  const part = await PartFile.open(file.target);
  await file.send(part, { start: 0, end: 2 * MIB + 7 });
  await part.close();
}

async function edit(file: PartFixture, change: (lines: string[]) => string[]): Promise<void> {
  const lines = (await readFile(file.journalPath, 'utf8')).split('\n');
  await writeFile(file.journalPath, change(lines).join('\n'));
}

const ALL = 2 * MIB + 7;

describe('a journal that somebody edited', () => {
  it.each<[string, (lines: string[]) => string[], number]>([
    ['lines in another order', ([first, ...rest]) => [first as string, ...rest.reverse()], ALL],
    ['every line twice', ([first, ...rest]) => [first as string, ...rest, ...rest], ALL],
    ['numbers without their zeros', (lines) => lines.map((line) => line.replace(/\b0+(?=\d+ )/g, '')), ALL],
    ['line ends of another system', ([first, ...rest]) => [first as string, ...rest.map((line) => `${line}\r`)], 0],
    [
      'an end beyond its piece',
      (lines) => lines.map((line) => line.replace(/ 0{9}1048576 /, ' 0000000002097152 ')),
      MIB + 7,
    ],
    [
      'a start between two pieces',
      (lines) => lines.map((line) => line.replace(/^0{9}1048576/, '0000000001048577')),
      MIB + 7,
    ],
    [
      'an end before its start',
      (lines) => lines.map((line) => line.replace(/ 0{9}2097159 /, ' 0000000000000001 ')),
      2 * MIB,
    ],
    [
      'a hash that is not right',
      (lines) => lines.map((line) => line.replace(/(?<= )[0-9a-f]{8}(?=[0-9a-f]{56}$)/, 'deadbeef')),
      0,
    ],
    [
      'a line that was cut',
      (lines) => lines.map((line) => (line.startsWith('0000000001048576') ? line.slice(0, 60) : line)),
      MIB + 7,
    ],
    ['words in it', (lines) => lines.flatMap((line) => [line, 'do not touch! \u00e4\u00f6\u20ac']), ALL],
    ['offsets beyond all numbers', (lines) => [...lines, `9999999999999999 9999999999999999 ${'0'.repeat(64)}`], ALL],
  ])('counts as far as it is true: %s', async (_, change, left) => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    await interrupted(file);
    await edit(file, change);
    const part = await PartFile.open(file.target);
    expect(part.written.size).toBe(left);
    expect(await file.isTrue(part)).toBe(true);
    for (const { start, end } of part.missing.subtract(part.written).ranges) await file.send(part, { start, end });
    await file.putAll(part);
    await part.seal();
    expect(await PartFile.handOver(file.target.destination)).toBe('moved');
    expect(await readFile(file.target.destination)).toEqual(file.content);
  });

  it('can be continued behind a torn line, which then swallows nothing', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    await interrupted(file);
    await appendFile(file.journalPath, '00000000020');
    const second = await PartFile.open(file.target);
    await file.send(second, { start: ALL, end: 3 * MIB });
    await second.close();
    const third = await PartFile.open(file.target);
    expect(third.isComplete).toBe(true);
    await third.close();
  });

  it.each<[string, (file: PartFixture) => Promise<void>]>([
    ['is huge', (file) => truncate(file.journalPath, 5 * MIB)],
    ['is empty', (file) => truncate(file.journalPath, 0)],
    ['has another first line', (file) => edit(file, (lines) => ['{}', ...lines.slice(1)])],
  ])('is not believed at all when it %s', async (_, change) => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    await interrupted(file);
    await change(file);
    const part = await PartFile.open(file.target);
    expect(part.dropped).toMatch(/damaged/);
    expect(part.written.isEmpty).toBe(true);
    expect((await stat(file.partPath)).size).toBe(0);
    await part.discard();
  });

  it('is not written through a link that lies in its place', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 10);
    await writeFile(join(dir.path, 'precious'), 'precious');
    await symlink(join(dir.path, 'precious'), file.journalPath);
    await expect(PartFile.open(file.target)).rejects.toMatchObject({ code: 'E_IO' });
    expect(await readFile(join(dir.path, 'precious'), 'utf8')).toBe('precious');
  });
});

describe('a part file that somebody changed', () => {
  it.each<[string, (file: PartFixture) => Promise<void>, ReturnType<typeof bytes>]>([
    ['cut within a piece', (file) => truncate(file.partPath, MIB + 5), bytes({ start: 0, end: MIB })],
    ['made longer', (file) => truncate(file.partPath, 9 * MIB), bytes({ start: 0, end: ALL })],
    ['edited in a piece', (file) => damage(file.partPath, 5), bytes({ start: MIB, end: ALL })],
    ['edited in its head', (file) => damage(file.partPath, 2 * MIB), bytes({ start: 0, end: 2 * MIB })],
    ['overwritten', (file) => writeFile(file.partPath, 'mine'), []],
  ])('keeps what is still right: %s', async (_, change, left) => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    await interrupted(file);
    await change(file);
    const part = await PartFile.open(file.target);
    expect(part.written.ranges).toEqual(left);
    await part.discard();
  });
});

describe('opening a large part file', () => {
  it('can be stopped while it hashes, and loses nothing by that', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 8 * MIB);
    await file.sealed();
    const stop = new AbortController();
    const opening = PartFile.open(file.target, { signal: stop.signal });
    setImmediate(() => stop.abort());
    await expect(opening).rejects.toMatchObject({ code: 'E_CANCELLED' });
    await expect(PartFile.open(file.target, { signal: stop.signal })).rejects.toMatchObject({ code: 'E_CANCELLED' });
    const part = await PartFile.open(file.target);
    expect(part.isComplete).toBe(true);
    await part.close();
  });
});

const reason = whyNoSmallDisk();
if (reason !== null) process.stderr.write(`skipped: part files on a full disk: ${reason}\n`);

describe.skipIf(reason !== null)('a disk that fills up', () => {
  it.each<[string, number | null]>([
    ['small pieces', null],
    ['large pieces', 64],
  ])('costs no byte that was written: %s', async (_, ofGib) => {
    await using disk = SmallDisk.mount(5 * MIB + 4096 * 3);
    const file = new PartFixture(disk.path, 8 * MIB, ofGib);
    const full = await PartFile.open(file.target);
    await expect(file.send(full, { start: 0, end: 8 * MIB })).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect(full.written.size).toBeGreaterThanOrEqual(4 * MIB);
    expect(await file.isTrue(full)).toBe(true);
    const warm = await full.suspend();
    for (const options of [{}, { warm }]) {
      const part = await PartFile.open(file.target, options);
      expect(part.written.size).toBeGreaterThanOrEqual(4 * MIB);
      expect(await file.isTrue(part)).toBe(true);
      await part.close();
    }
  });
});
