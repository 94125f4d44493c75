import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordId } from '../../../src/core/ids.ts';
import { CacheFixture, readRange, testFile } from '../../support/cache-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

let temp: Awaited<ReturnType<typeof tempDir>>;
let fixture: CacheFixture;
const file = testFile(3000);

beforeEach(async () => {
  temp = await tempDir();
  fixture = new CacheFixture(temp.path);
  await fixture.open();
});
afterEach(async () => {
  await fixture.close();
  await temp[Symbol.asyncDispose]();
});

async function ids(): Promise<RecordId[]> {
  return (await fixture.cache.list()).map(({ id }) => id);
}

/** Admits two files, stops, does the damage to the first, starts again; the second must be as it was. */
async function damageFirst(damage: (id: RecordId, path: string) => Promise<unknown>): Promise<RecordId> {
  const first = await fixture.admit(file);
  const second = await fixture.admit({ ...file, url: 'http://origin.test/second' });
  await fixture.close();
  await damage(first.id, fixture.pathOf(first.id));
  await fixture.open();
  await using reader = await fixture.cache.open(second.id);
  expect((await readRange(reader, { start: 0, end: 3000 })).equals(file.bytes)).toBe(true);
  return first.id;
}

describe('a start', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['missing', (path) => rm(path)],
    ['cut', (path) => writeFile(path, file.bytes.subarray(0, 2999))],
    ['longer', (path) => writeFile(path, Buffer.concat([file.bytes, Buffer.alloc(1)]))],
    [
      'in another directory',
      async (path) => {
        await mkdir(join(dirname(path), '..', 'zz'));
        await writeFile(join(dirname(path), '..', 'zz', path.split(/[\\/]/).at(-1) as string), file.bytes);
        await rm(path);
      },
    ],
    [
      'a directory',
      async (path) => {
        await rm(path);
        await mkdir(path);
        await writeFile(join(path, 'inside'), 'x');
      },
    ],
    [
      'a symbolic link',
      async (path) => {
        await writeFile(join(temp.path, 'elsewhere'), file.bytes);
        await rm(path);
        await symlink(join(temp.path, 'elsewhere'), path);
      },
    ],
  ])('drops a record whose file is %s', async (_name, damage) => {
    const id = await damageFirst((_id, path) => damage(path));
    expect(fixture.eventsOf('cache.damaged').map(({ recordId }) => recordId)).toEqual([id]);
    expect(fixture.eventsOf('cache.removed')).toEqual([{ type: 'cache.removed', recordId: id, reason: 'damaged' }]);
    expect(fixture.cache.get(id)).toBeNull();
    const kept = await ids();
    await fixture.close();
    expect(await fixture.contentFiles()).toEqual(kept);
    await fixture.open();
    expect(fixture.eventsOf('cache.damaged')).toHaveLength(1);
  });

  it('leaves a flipped byte to the first read, which hands none of the piece out', async () => {
    const id = await damageFirst(async (_id, path) => {
      const bytes = await readFile(path);
      bytes[1234] = (bytes[1234] as number) ^ 4;
      await writeFile(path, bytes);
    });
    await using reader = await fixture.cache.open(id);
    await expect(readRange(reader, { start: 0, end: 10 })).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED' });
    expect(fixture.cache.get(id)).toBeNull();
  });

  it('removes files without a record and unfinished copies', async () => {
    const content = join(temp.path, 'cache', 'content');
    const record = await fixture.admit(file);
    await fixture.close();
    await writeFile(join(content, 'a file where a directory belongs'), 'x');
    await writeFile(`${fixture.pathOf(record.id)}.bak`, 'x');
    await mkdir(join(content, 'ab'), { recursive: true });
    await writeFile(join(content, 'ab', 'abcdef'), 'x');
    await writeFile(join(temp.path, 'cache', 'incoming', 'half'), 'x');
    await fixture.open();
    expect(await fixture.contentFiles()).toEqual([record.id]);
    expect(await fixture.incomingFiles()).toEqual([]);
    expect(fixture.eventsOf('cache.repaired')).toEqual([
      { type: 'cache.repaired', problem: 'unfinished copies', count: 1 },
      { type: 'cache.repaired', problem: 'files without a record', count: 3 },
    ]);
  });

  it.each(['cache-record', 'cache-hashes', 'cache-access'])(
    'puts the index right when entries of %s are lost',
    async (table) => {
      const first = await fixture.admit(file);
      const second = await fixture.admit({ ...file, url: 'http://origin.test/second' });
      await fixture.database.bytesTable(table).delete(first.id);
      await fixture.reopen();
      const lostForGood = table !== 'cache-access';
      expect((await ids()).sort()).toEqual(lostForGood ? [second.id] : [first.id, second.id].sort());
      expect(fixture.eventsOf('cache.repaired')).toHaveLength(lostForGood ? 2 : 0);
      expect(await fixture.contentFiles()).toHaveLength(lostForGood ? 1 : 2);
      for (const name of lostForGood ? ['cache-record', 'cache-hashes', 'cache-access'] : []) {
        expect(await fixture.database.bytesTable(name).get(first.id)).toBeUndefined();
      }
    },
  );

  it('begins empty when the whole index is damaged, and removes content that nobody can name', async () => {
    await fixture.admit(file);
    await fixture.close();
    const index = join(temp.path, 'index');
    for (const name of await readdir(index))
      if (/^MANIFEST|^CURRENT/.test(name)) await writeFile(join(index, name), 'garbage');
    await fixture.open();
    expect(fixture.eventsOf('index.rebuilt')).toHaveLength(1);
    expect(fixture.eventsOf('cache.repaired')).toEqual([
      { type: 'cache.repaired', problem: 'files without a record', count: 1 },
    ]);
    expect(await ids()).toEqual([]);
    await fixture.admit(file);
    await fixture.reopen();
    expect(await ids()).toHaveLength(1);
  });

  it('refuses the layout of a newer release and takes garbage for its own', async () => {
    const layout = join(temp.path, 'cache', 'layout');
    const { id } = await fixture.admit(file);
    await fixture.close();
    await writeFile(layout, '2\n');
    await expect(fixture.open()).rejects.toMatchObject({
      code: 'E_IO',
      hint: expect.stringContaining('newer release'),
    });
    await writeFile(layout, 'garbage');
    await fixture.open();
    expect(await ids()).toEqual([id]);
    expect(await readFile(layout, 'utf8')).toBe('1\n');
  });

  it('says what is wrong when the directory cannot be used', async () => {
    await fixture.close();
    await rm(join(temp.path, 'cache'), { recursive: true });
    await writeFile(join(temp.path, 'cache'), 'a file');
    await expect(fixture.open()).rejects.toMatchObject({ code: 'E_IO' });
    await rm(join(temp.path, 'cache'));
    await fixture.open();
  });
});
