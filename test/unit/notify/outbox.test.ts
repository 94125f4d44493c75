import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type JobId, newJobId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { OUTBOX_LIMITS, Outbox, type OutboxLimits } from '../../../src/notify/outbox.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { Database } from '../../../src/store/database.ts';
import { note } from '../../support/notify-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

const A = newJobId();
const B = newJobId();

let temp: Awaited<ReturnType<typeof tempDir>>;
let clock: ManualClock;
let database: Database;

const openDatabase = (): Promise<Database> =>
  Database.open({ log: silentLogger, emit: () => {}, clock }, { dir: `${temp.path}/db` });

beforeEach(async () => {
  temp = await tempDir();
  clock = new ManualClock();
  database = await openDatabase();
});
afterEach(async () => {
  await database.close();
  await temp[Symbol.asyncDispose]();
});

const open = (limits: OutboxLimits = OUTBOX_LIMITS): Promise<Outbox> =>
  Outbox.open({ database, clock, log: silentLogger }, limits);

async function reopen(limits?: OutboxLimits): Promise<Outbox> {
  await database.close();
  database = await openDatabase();
  return open(limits);
}

const idsOf = (outbox: Outbox): readonly string[] => outbox.index.page({ owner: null, jobId: null }, '', 1e6).ids;

async function kindsOf(outbox: Outbox): Promise<(string | undefined)[]> {
  return Promise.all(idsOf(outbox).map(async (id) => (await outbox.take(id, 'webhook'))?.kind));
}

async function add(outbox: Outbox, jobId: JobId, ...kinds: string[]): Promise<void> {
  for (const kind of kinds) await outbox.add(note(jobId, kind));
}

describe('Outbox', () => {
  it('keeps notifications as they were told over a restart', async () => {
    const data = { text: 'ä"\n', list: [1, null, true], nested: { empty: {} } };
    await (await open()).add({ jobId: A, owner: 'alice', kind: 'error', urgent: true, data });
    const atMs = clock.wallMs();
    clock.advance(5000);
    const outbox = await reopen();
    const id = idsOf(outbox)[0] as string;
    expect(id).toMatch(/^\d{16}$/);
    const told = { id, jobId: A, owner: 'alice', kind: 'error', urgent: true, atMs, data };
    expect(await outbox.take(id, 'webhook')).toEqual({ ...told, attempt: 1 });
    expect(await outbox.take(id, 'webhook')).toEqual({ ...told, attempt: 2 });
    expect(await outbox.take(id, 'subscriber')).toEqual({ ...told, attempt: 1 });
  });

  it('keeps the order when many are told at once', async () => {
    const outbox = await open();
    const kinds = Array.from({ length: 200 }, (_, at) => `kind-${at}`);
    await Promise.all(kinds.map((kind) => outbox.add(note(A, kind))));
    expect(await kindsOf(outbox)).toEqual(kinds);
    expect(await kindsOf(await reopen())).toEqual(kinds);
  });

  it('never gives an id twice, whatever was removed and however often it started', async () => {
    const given: string[] = [];
    let outbox = await open();
    for (let round = 0; round < 4; round++) {
      for (let count = 0; count < 600; count++) await outbox.add(note(A));
      given.push(...idsOf(outbox));
      await outbox.removeJob(A);
      outbox = await reopen();
    }
    expect(new Set(given).size).toBe(2400);
    expect([...given].sort()).toEqual(given);
  });

  it('goes on with larger ids when the database was lost', async () => {
    const first = await open();
    await add(first, A, 'transferred');
    const [before] = idsOf(first);
    await database.close();
    await rm(`${temp.path}/db`, { recursive: true });
    clock.advance(1000);
    database = await openDatabase();
    const second = await open();
    await add(second, A, 'transferred');
    expect(String(idsOf(second)[0]) > String(before)).toBe(true);
  });

  it('keeps only the newest modification of each job', async () => {
    const outbox = await open();
    await add(outbox, A, 'modification', 'file-transferred', 'modification', 'modification');
    await add(outbox, B, 'modification');
    expect(await kindsOf(outbox)).toEqual(['file-transferred', 'modification', 'modification']);
    expect(await kindsOf(await reopen())).toEqual(['file-transferred', 'modification', 'modification']);
  });

  it('drops the least important of a job that has too many', async () => {
    const outbox = await open({ maxPending: 100, maxPendingPerJob: 3 });
    await add(outbox, B, 'file-transferred');
    await add(outbox, A, 'error', 'modification', 'file-1', 'file-2', 'file-3', 'transferred', 'error');
    expect(await kindsOf(outbox)).toEqual(['file-transferred', 'error', 'transferred', 'error']);
    await add(outbox, A, 'file-4', 'modification');
    expect(await kindsOf(outbox)).toEqual(['file-transferred', 'error', 'transferred', 'error']);
    await add(outbox, A, 'transferred');
    expect(await kindsOf(await reopen())).toEqual(['file-transferred', 'transferred', 'error', 'transferred']);
  });

  it('stores what is together with a notification, also when that one is not kept', async () => {
    const outbox = await open({ maxPending: 100, maxPendingPerJob: 1 });
    const others = database.table('others', z.string());
    await outbox.add(note(A, 'transferred'), [others.putting('first', 'stored')]);
    await outbox.add(note(A, 'file-1'), [others.putting('second', 'stored')]);
    expect(await kindsOf(await reopen())).toEqual(['transferred']);
    const again = database.table('others', z.string());
    expect([await again.get('first'), await again.get('second')]).toEqual(['stored', 'stored']);
  });

  it('drops the least important of all jobs when there are too many', async () => {
    const outbox = await open({ maxPending: 3, maxPendingPerJob: 3 });
    await add(outbox, A, 'transferred', 'file-transferred');
    await add(outbox, B, 'file-transferred', 'transferred');
    expect(outbox.index.ofJob(A).map((entry) => entry.kind)).toEqual(['transferred']);
    await add(outbox, B, 'error');
    expect(await kindsOf(await reopen())).toEqual(['transferred', 'transferred', 'error']);
  });

  it('skips rows that are damaged or of another form', async () => {
    await add(await open(), A, 'file-1', 'file-2');
    const raw = database.bytesTable('notifications');
    await raw.put('0000000000000007', Buffer.from('not JSON'));
    await raw.put('0000000000000008', Buffer.from('{"v":2}'));
    await raw.put('what', Buffer.from(JSON.stringify({ v: 1, ...note(A), atMs: 1 })));
    expect(await kindsOf(await reopen())).toEqual(['file-1', 'file-2']);
  });

  it('refuses data beyond its limit and stores nothing of it', async () => {
    const outbox = await open();
    const data = 'x'.repeat(256 * 1024);
    await expect(outbox.add(note(A, 'error', { data }))).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
    expect(outbox.index.size).toBe(0);
    await outbox.add(note(A, 'error', { data: data.slice(2) }));
    expect(outbox.index.size).toBe(1);
  });

  it('goes on after the disk failed', async () => {
    const outbox = await open();
    await database.close();
    await expect(outbox.add(note(A))).rejects.toMatchObject({ code: 'E_IO' });
    await expect(outbox.add(note(A))).rejects.toMatchObject({ code: 'E_IO' });
    expect(outbox.index.size).toBe(0);
  });

  it('removes once', async () => {
    const outbox = await open();
    await add(outbox, A, 'transferred');
    const id = idsOf(outbox)[0] as string;
    const removed = await Promise.all([outbox.remove(id), outbox.remove(id), outbox.remove('x')]);
    // Which of the first two ends first is up to the database.
    expect(removed.sort()).toEqual([false, false, true]);
    expect(await outbox.take(id, 'webhook')).toBeUndefined();
  });
});
