import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { nodeDisk } from '../../../src/cache/disk.ts';
import type { RecordId } from '../../../src/core/ids.ts';
import { CacheFixture, DAY_MS, never, readRange, testFile, WIDE } from '../../support/cache-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

let temp: Awaited<ReturnType<typeof tempDir>>;
let fixture: CacheFixture;
let files = 0;

beforeEach(async () => {
  temp = await tempDir();
  fixture = new CacheFixture(temp.path);
  fixture.limits = { ...WIDE, maxBytes: 1000 };
  await fixture.open();
});
afterEach(async () => {
  await fixture.close();
  await temp[Symbol.asyncDispose]();
});

/** Admits a file of that size, one second after the one before. */
async function admit(bytes: number): Promise<RecordId> {
  fixture.clock.advance(1000);
  const { id } = await fixture.admit(testFile(bytes, `http://origin.test/${files++}`));
  return id;
}

async function use(id: RecordId): Promise<void> {
  fixture.clock.advance(1000);
  await using _reader = await fixture.cache.open(id);
}

async function ids(): Promise<string[]> {
  return (await fixture.cache.list()).map(({ id }) => id).sort();
}

function removals(): [string, string][] {
  return fixture.eventsOf('cache.removed').map(({ recordId, reason }) => [recordId, reason]);
}

describe('the size limit', () => {
  it('pushes out the least recently used record, also after a restart', async () => {
    const [first, second, third] = [await admit(300), await admit(300), await admit(300)];
    await use(first);
    await fixture.reopen();
    const fourth = await admit(400);
    expect(await ids()).toEqual([first, third, fourth].sort());
    expect(removals()).toEqual([[second, 'room']]);
    await fixture.close();
    expect((await fixture.contentFiles()).sort()).toEqual([first, third, fourth].sort());
    await fixture.open();
  });

  it('counts what is promised, and gives back what is not used', async () => {
    const kept = await admit(300);
    const promise = await fixture.cache.reserve(700);
    expect(fixture.cache.usage()).toMatchObject({ bytes: 300, reservedBytes: 700 });
    const second = await fixture.cache.reserve(300);
    expect(removals()).toEqual([[kept, 'room']]);
    await expect(fixture.cache.reserve(1)).rejects.toMatchObject({ code: 'E_CACHE_FULL' });
    await promise[Symbol.asyncDispose]();
    await promise[Symbol.asyncDispose]();
    expect(fixture.cache.usage().reservedBytes).toBe(300);
    await using third = await fixture.cache.reserve(700);
    expect(third.bytes).toBe(700);
    await second[Symbol.asyncDispose]();
  });

  it('promises the same room to nobody twice', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => fixture.cache.reserve(300)));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(fixture.cache.usage().reservedBytes).toBe(900);
  });

  it('does not empty the cache for what does not fit anyway', async () => {
    const kept = await admit(300);
    await expect(fixture.cache.reserve(1001)).rejects.toMatchObject({
      code: 'E_CACHE_FULL',
      hint: expect.stringContaining('limit'),
    });
    await using _promise = await fixture.cache.reserve(600);
    await expect(fixture.cache.reserve(401)).rejects.toMatchObject({ code: 'E_CACHE_FULL' });
    expect(await ids()).toEqual([kept]);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses to reserve %d bytes', async (bytes) => {
    await expect(fixture.cache.reserve(bytes)).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  });

  it('leaves a record in use alone, and takes it once it is free when the limit shrank', async () => {
    const busy = await admit(600);
    const idle = await admit(300);
    const reader = await fixture.cache.open(busy);
    await expect(fixture.cache.reserve(500)).rejects.toMatchObject({ code: 'E_CACHE_FULL' });
    await fixture.cache.setLimits({ ...fixture.limits, maxBytes: 500 });
    expect(await ids()).toEqual([busy]);
    expect(removals()).toEqual([[idle, 'room']]);
    expect(await readRange(reader, { start: 0, end: 600 })).toHaveLength(600);
    await reader[Symbol.asyncDispose]();
    await expect.poll(() => fixture.cache.usage().records).toBe(0);
  });

  it('counts a removed record that is still read', async () => {
    const busy = await admit(600);
    const reader = await fixture.cache.open(busy);
    await fixture.cache.clear();
    await expect(fixture.cache.reserve(500)).rejects.toMatchObject({ code: 'E_CACHE_FULL' });
    await reader[Symbol.asyncDispose]();
    await using promise = await fixture.cache.reserve(500);
    expect(promise.bytes).toBe(500);
  });
});

describe('the floor of the disk', () => {
  it('keeps the promised room and the free space apart', async () => {
    let free = 5000;
    await fixture.close();
    fixture.disk = { ...nodeDisk, freeBytes: async () => free };
    fixture.limits = { ...WIDE, minFreeBytes: 4000 };
    await fixture.open();
    const [first, second] = [await admit(300), await admit(300)];
    const promise = await fixture.cache.reserve(900);
    // 5000 free, 900 of them promised: 100 are left above the floor, and evicting 600 does not help far enough.
    await expect(fixture.cache.reserve(701)).rejects.toMatchObject({ code: 'E_CACHE_FULL' });
    expect(await ids()).toEqual([first, second].sort());
    await promise[Symbol.asyncDispose]();
    free = 3800;
    await fixture.cache.sweep();
    expect(await ids()).toEqual([second]);
    free = 1000;
    await fixture.cache.sweep();
    expect(await ids()).toEqual([]);
  });

  it('counts files that are about to go as free', async () => {
    await fixture.close();
    let release = (): void => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const remove = async (path: string): Promise<void> => {
      await blocked;
      await nodeDisk.remove(path);
    };
    fixture.disk = { ...nodeDisk, freeBytes: async () => 1000, remove };
    fixture.limits = { ...WIDE, minFreeBytes: 1000 };
    await fixture.open();
    await fixture.cache.setLimits({ ...WIDE, minFreeBytes: 700 });
    await admit(300);
    await fixture.cache.setLimits({ ...WIDE, minFreeBytes: 1000, maxBytes: 0 });
    expect(await ids()).toEqual([]);
    await fixture.cache.setLimits({ ...WIDE, minFreeBytes: 1000 });
    await using promise = await fixture.cache.reserve(300);
    expect(promise.bytes).toBe(300);
    release();
  });
});

describe('the maximum age', () => {
  it('counts from the last access, and is applied every hour', async () => {
    const [unused, used] = [await admit(100), await admit(100)];
    fixture.clock.advance(60 * DAY_MS);
    await use(used);
    fixture.clock.advance(31 * DAY_MS);
    await expect.poll(removals).toEqual([[unused, 'expired']]);
    expect(await ids()).toEqual([used]);
  });

  it('lets expired records go before recently used ones make room', async () => {
    const old = await admit(100);
    fixture.clock.setWallMs(fixture.clock.wallMs() + 91 * DAY_MS);
    const recent = await admit(500);
    await using _promise = await fixture.cache.reserve(450);
    expect(await ids()).toEqual([recent]);
    expect(removals()).toEqual([[old, 'expired']]);
  });

  it('survives a restart together with the access', async () => {
    const id = await admit(100);
    fixture.clock.advance(80 * DAY_MS);
    await use(id);
    await fixture.close();
    fixture.clock.setWallMs(fixture.clock.wallMs() + 80 * DAY_MS);
    await fixture.open();
    expect(await ids()).toEqual([id]);
    await fixture.close();
    fixture.clock.setWallMs(fixture.clock.wallMs() + 11 * DAY_MS);
    await fixture.open();
    expect(await ids()).toEqual([]);
  });

  it('reaches the index a minute after an access, so a crash loses no more', async () => {
    const [first, second] = [await admit(100), await admit(100)];
    await use(first);
    fixture.clock.advance(60_000);
    await use(second);
    const access = fixture.database.table('cache-access', z.number());
    const stored = (id: string) => access.getSync(id);
    await expect.poll(() => stored(first)).toBe(fixture.cache.get(first)?.lastAccessMs);
    expect(stored(second)).toBeLessThan(fixture.cache.get(second)?.lastAccessMs ?? 0);
  });
});

describe('a clock that is set back by a year', () => {
  it.each(['while the node runs', 'while it does not run'])(
    '%s removes nothing and keeps nothing for longer',
    async (when) => {
      const records = [await admit(100), await admit(100)].sort();
      const restart = when !== 'while the node runs';
      if (restart) await fixture.close();
      fixture.clock.setWallMs(fixture.clock.wallMs() - 365 * DAY_MS);
      if (restart) await fixture.open();
      else await fixture.cache.sweep();
      expect(await ids()).toEqual(records);
      fixture.clock.setWallMs(fixture.clock.wallMs() + 89 * DAY_MS);
      await fixture.reopen();
      expect(await ids()).toEqual(records);
      fixture.clock.setWallMs(fixture.clock.wallMs() + 2 * DAY_MS);
      await fixture.reopen();
      expect(await ids()).toEqual([]);
    },
  );

  it('does not change which record is the least recently used', async () => {
    const [first, second] = [await admit(400), await admit(400)];
    fixture.clock.setWallMs(fixture.clock.wallMs() - 365 * DAY_MS);
    await use(first);
    await using _promise = await fixture.cache.reserve(500);
    expect(await ids()).toEqual([first]);
    expect(removals()).toEqual([[second, 'room']]);
  });
});

describe('closing', () => {
  it('waits for files that are being removed, and may be done twice', async () => {
    const id = await admit(900);
    await using promise = await fixture.cache.reserve(900);
    await promise[Symbol.asyncDispose]();
    await fixture.cache.close();
    await fixture.cache.close();
    expect(await fixture.contentFiles()).not.toContain(id);
  });

  it('leaves nothing of a copy that could not be finished because the disk is full', async () => {
    await fixture.close();
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    fixture.disk = { ...nodeDisk, syncFile: () => Promise.reject(full) };
    await fixture.open();
    await using reservation = await fixture.cache.reserve(100);
    const content = await fixture.content(testFile(100));
    await expect(fixture.cache.admit(content, reservation, never)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect(await fixture.incomingFiles()).toEqual([]);
    expect(reservation.bytes).toBe(100);
  });
});
