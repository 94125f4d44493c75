import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import type { NodeEventBody } from '../../../src/observe/events.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { Database } from '../../../src/store/database.ts';
import { tempDir } from '../../support/temp-dir.ts';

const Item = z.strictObject({ name: z.string(), count: z.int() });

let temp: Awaited<ReturnType<typeof tempDir>>;
let dir: string;
let events: NodeEventBody[];

beforeEach(async () => {
  temp = await tempDir();
  dir = join(temp.path, 'index');
  events = [];
});
afterEach(() => temp[Symbol.asyncDispose]());

const open = (options: { setAside?: boolean } = {}): Promise<Database> =>
  Database.open(
    { log: silentLogger, emit: (event) => events.push(event), clock: new ManualClock(1_700_000_000_000) },
    { dir, ...options },
  );

/** Enough values that LevelDB moves most of them out of its log into table files. */
async function fill(): Promise<void> {
  await using database = await open();
  const table = database.bytesTable('filler');
  for (let round = 0; round < 8; round++) {
    const value = Buffer.from(crypto.getRandomValues(new Uint8Array(1000)));
    await database.write(Array.from({ length: 400 }, (_, index) => table.putting(`${round}-${index}`, value)));
  }
}

async function fileOf(kind: RegExp): Promise<string> {
  const name = (await readdir(dir)).filter((each) => kind.test(each)).sort()[0];
  return join(dir, name as string);
}

async function keysOf(database: Database): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of database.bytesTable('filler').entries()) keys.push(key);
  return keys;
}

describe('tables', () => {
  it('keep values over a restart', async () => {
    {
      await using database = await open();
      await database.table('items', Item).put('a', { name: 'one', count: 1 });
    }
    await using database = await open();
    const table = database.table('items', Item);
    expect(await table.get('a')).toEqual({ name: 'one', count: 1 });
    expect(table.getSync('a')).toEqual({ name: 'one', count: 1 });
    expect(await table.get('b')).toBeUndefined();
    expect(table.getSync('b')).toBeUndefined();
  });

  it('do not see each other, even when one name begins like the other', async () => {
    await using database = await open();
    const short = database.bytesTable('item');
    const long = database.bytesTable('item-s');
    await short.put('k', Buffer.from('short'));
    await long.put('k', Buffer.from('long'));
    await short.delete('k');
    expect(await short.get('k')).toBeUndefined();
    expect(Buffer.from((await long.get('k')) as Uint8Array).toString()).toBe('long');
  });

  it('walk in the order of the keys, by prefix, after a key and up to a limit', async () => {
    await using database = await open();
    const table = database.table('items', Item);
    for (const key of ['b1', 'a2', 'a1', 'c', 'a3']) await table.put(key, { name: key, count: 0 });
    const keys = async (range?: Parameters<typeof table.entries>[0]): Promise<string[]> => {
      const found: string[] = [];
      for await (const [key] of table.entries(range)) found.push(key);
      return found;
    };
    expect(await keys()).toEqual(['a1', 'a2', 'a3', 'b1', 'c']);
    expect(await keys('a')).toEqual(['a1', 'a2', 'a3']);
    expect(await keys({ after: 'a2' })).toEqual(['a3', 'b1', 'c']);
    expect(await keys({ prefix: 'a', after: 'a1', limit: 1 })).toEqual(['a2']);
    expect(await keys({ prefix: 'b', after: 'a1' })).toEqual(['b1']);
    expect(await keys({ limit: 0 })).toEqual([]);
  });

  it('skip a value that the schema of this release refuses', async () => {
    await using database = await open();
    await database.table('items', z.unknown()).put('old', { title: 'of another release' });
    const table = database.table('items', Item);
    await table.put('new', { name: 'new', count: 2 });
    expect(await table.get('old')).toBeUndefined();
    const found: string[] = [];
    for await (const [key] of table.entries()) found.push(key);
    expect(found).toEqual(['new']);
  });

  it('write all changes of a batch or none', async () => {
    const database = await open();
    const table = database.table('items', Item);
    await table.put('gone', { name: 'gone', count: 0 });
    await database.write([table.putting('a', { name: 'a', count: 1 }), table.deleting('gone')], { sync: true });
    expect(await table.get('gone')).toBeUndefined();
    expect(await table.get('a')).toEqual({ name: 'a', count: 1 });
    await database.close();
    await database.close();
    await expect(table.put('b', { name: 'b', count: 1 })).rejects.toMatchObject({ code: 'E_IO' });
    expect(() => table.getSync('a')).toThrow(expect.objectContaining({ code: 'E_IO' }));
  });
});

describe('a database that is in use', () => {
  it('names the directory and the next step to the second one who opens it, and stays unharmed', async () => {
    await using first = await open();
    await first.bytesTable('filler').put('k', Buffer.from('v'));
    await expect(open()).rejects.toMatchObject({
      code: 'E_ALREADY_RUNNING',
      message: expect.stringContaining(dir),
      hint: expect.stringContaining('data directory'),
    });
    expect(await keysOf(first)).toEqual(['k']);
  });
});

describe('a damaged database', () => {
  const overwrite = async (kind: RegExp): Promise<void> => {
    const path = await fileOf(kind);
    await writeFile(path, Buffer.alloc((await readFile(path)).length, 0x5a));
  };
  const cut = async (kind: RegExp): Promise<void> => {
    const path = await fileOf(kind);
    await truncate(path, Math.floor((await readFile(path)).length / 2));
  };

  it.each([
    ['garbage in CURRENT', () => overwrite(/^CURRENT$/)],
    ['CURRENT lost', async () => rm(await fileOf(/^CURRENT$/))],
    ['garbage in MANIFEST', () => overwrite(/^MANIFEST/)],
    ['MANIFEST lost', async () => rm(await fileOf(/^MANIFEST/))],
    ['garbage in a table', () => overwrite(/\.ldb$/)],
    ['a table lost', async () => rm(await fileOf(/\.ldb$/))],
    ['a table cut', () => cut(/\.ldb$/)],
  ])('is set aside and replaced by an empty one: %s', async (_name, damage) => {
    await fill();
    await damage();
    await using database = await open();
    expect(events).toEqual([{ type: 'index.rebuilt', setAside: `${dir}.damaged-20231114T221320Z` }]);
    expect(await readdir(`${dir}.damaged-20231114T221320Z`)).not.toEqual([]);
    expect(await keysOf(database)).toEqual([]);
    await database.bytesTable('filler').put('k', Buffer.from('v'));
  });

  it('keeps only the newest of those that were set aside', async () => {
    for (const time of ['20200101T000000Z', '20210101T000000Z']) {
      await fill();
      await rm(`${dir}.damaged-${time}`, { recursive: true, force: true });
      await overwrite(/^CURRENT$/);
      await (await open()).close();
    }
    expect((await readdir(temp.path)).sort()).toEqual(['index', 'index.damaged-20231114T221320Z']);
  });

  it('loses only the values of the block in which a bit flipped', async () => {
    await fill();
    const path = await fileOf(/\.ldb$/);
    const bytes = await readFile(path);
    bytes[2000] = (bytes[2000] as number) ^ 1;
    await writeFile(path, bytes);
    await using database = await open();
    const [event] = events;
    if (event?.type !== 'index.repaired') throw new Error(`unexpected event ${JSON.stringify(events)}`);
    expect(event.dropped).toBeGreaterThan(0);
    expect(event.dropped).toBeLessThan(10);
    expect(await keysOf(database)).toHaveLength(3200 - event.dropped);
  });

  it('stays usable with a cut manifest, whatever of it is lost', async () => {
    await fill();
    await cut(/^MANIFEST/);
    await using database = await open();
    await database.bytesTable('filler').put('k', Buffer.from('v'));
    expect(await keysOf(database)).toContain('k');
  });

  it('is not thrown away when the directory cannot be used', async () => {
    await writeFile(join(temp.path, 'file'), '');
    const opening = Database.open({ log: silentLogger, emit: () => {} }, { dir: join(temp.path, 'file', 'index') });
    await expect(opening).rejects.toMatchObject({ code: 'E_IO' });
  });
});

describe('a database that sets aside', () => {
  const first = () => `${dir}.set-aside-20231114T221320Z.jsonl`;
  const second = () => `${dir}.set-aside-20231114T221320Z-2.jsonl`;
  const linesOf = async (path: string) =>
    (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line): { key: string; value: Buffer; reason: string } => {
        const { key, value, reason } = JSON.parse(line);
        return { key: Buffer.from(key, 'base64').toString(), value: Buffer.from(value, 'base64'), reason };
      });
  const keysIn = async (table: { keys(): AsyncIterable<string> }) => {
    const keys: string[] = [];
    for await (const key of table.keys()) keys.push(key);
    return keys;
  };
  const fillWithOldAndNew = async (): Promise<void> => {
    await using database = await open();
    const anything = database.table('items', z.unknown());
    for (const key of ['old1', 'old2']) await anything.put(key, { title: key });
    await anything.put('new', { name: 'new', count: 1 });
  };

  it('keeps damaged values as they lay there, and tells where', async () => {
    await fill();
    const path = await fileOf(/\.ldb$/);
    const bytes = await readFile(path);
    bytes[2000] = (bytes[2000] as number) ^ 1;
    await writeFile(path, bytes);
    await using database = await open({ setAside: true });
    const lines = await linesOf(first());
    expect(events).toEqual([{ type: 'index.repaired', dropped: lines.length, setAside: first() }]);
    expect((await stat(first())).mode & 0o777).toBe(0o600);
    expect(lines.every(({ reason, value }) => reason === 'damaged' && value.length > 900)).toBe(true);
    const left = await keysOf(database);
    expect(left).toHaveLength(3200 - lines.length);
    expect(lines.some(({ key }) => left.includes(key.slice('filler!'.length)))).toBe(false);
  });

  it('takes out what a walk meets and the schema refuses', async () => {
    await fillWithOldAndNew();
    await using database = await open({ setAside: true });
    expect(events).toEqual([]);
    const table = database.table('items', Item);
    const found: string[] = [];
    for await (const [key] of table.entries()) found.push(key);
    expect(found).toEqual(['new']);
    expect(events).toEqual([{ type: 'index.repaired', dropped: 2, setAside: first() }]);
    expect(await linesOf(first())).toMatchObject([
      { key: 'items!old1', reason: 'refused' },
      { key: 'items!old2', reason: 'refused' },
    ]);
    expect(await keysIn(table)).toEqual(['new']);
    for await (const _ of table.entries());
    expect(events).toHaveLength(1);
  });

  it('takes out what is asked for by its key, each time into a file of its own', async () => {
    await fillWithOldAndNew();
    await using database = await open({ setAside: true });
    const table = database.table('items', Item);
    expect(table.getSync('old1')).toBeUndefined();
    expect(events).toEqual([]);
    for (const key of ['old1', 'old2', 'new', 'missing']) await table.get(key);
    expect((await linesOf(first())).map(({ key }) => key)).toEqual(['items!old1']);
    expect((await linesOf(second())).map(({ key }) => key)).toEqual(['items!old2']);
    expect(events).toHaveLength(2);
    expect(await keysIn(table)).toEqual(['new']);
  });

  it('also when the walk ends early', async () => {
    await fillWithOldAndNew();
    await using database = await open({ setAside: true });
    const anything = database.table('items', z.unknown());
    await anything.put('p', { name: 'p', count: 1 });
    await anything.put('q', { name: 'q', count: 1 });
    for await (const [key] of database.table('items', Item).entries({ after: 'new' })) {
      expect(key).toBe('p');
      break;
    }
    expect(await linesOf(first())).toHaveLength(2);
  });

  it('leaves values in place that it cannot write down', async () => {
    await fillWithOldAndNew();
    await using database = await open({ setAside: true });
    await mkdir(`${first()}.tmp`, { recursive: true });
    await writeFile(join(`${first()}.tmp`, 'in-the-way'), '');
    const table = database.table('items', Item);
    for await (const [key] of table.entries()) expect(key).toBe('new');
    expect(events).toEqual([]);
    expect(await keysIn(table)).toEqual(['new', 'old1', 'old2']);
  });

  it('keeps every database that was unreadable', async () => {
    for (let round = 0; round < 2; round++) {
      await fill();
      await rm(await fileOf(/^CURRENT$/));
      await (await open({ setAside: true })).close();
    }
    const stem = 'index.damaged-20231114T221320Z';
    expect((await readdir(temp.path)).sort()).toEqual(['index', stem, `${stem}-2`]);
    expect(events).toEqual([
      { type: 'index.rebuilt', setAside: join(temp.path, stem) },
      { type: 'index.rebuilt', setAside: join(temp.path, `${stem}-2`) },
    ]);
  });
});
