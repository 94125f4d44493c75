import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeDisk } from '../../src/cache/disk.ts';
import { type Candidate, chooseEviction, excessFor, MAX_RECORDS } from '../../src/cache/limits.ts';
import type { CacheReader } from '../../src/cache/reader.ts';
import type { CacheRecord } from '../../src/cache/record.ts';
import type { Reservation } from '../../src/cache/reservation.ts';
import { NearbitsError } from '../../src/core/errors.ts';
import type { RecordId } from '../../src/core/ids.ts';
import { CacheFixture, readRange, type TestFile, testFile } from '../support/cache-fixture.ts';
import { tempDir } from '../support/temp-dir.ts';

const NOW_MS = 1_000_000;

interface Held extends Candidate {
  readonly used: boolean;
}

const held: fc.Arbitrary<Held> = fc.record({
  id: fc.uuid().map((id) => id as RecordId),
  bytes: fc.nat({ max: 100 }),
  lastAccessMs: fc.integer({ min: 0, max: NOW_MS * 2 }),
  state: fc.constantFrom('unknown', 'valid', 'invalid'),
  used: fc.boolean(),
});
const holdings = fc.uniqueArray(held, { selector: ({ id }) => id, maxLength: 30 });

describe('the choice of what goes', () => {
  const choose = (records: readonly Held[], excess: { bytes: number; records: number }, maxAgeMs: number) =>
    chooseEviction(records, excess, {
      nowMs: NOW_MS,
      maxAgeMs,
      inUse: (id) => records.some((record) => record.id === id && record.used),
    });
  const excesses = fc.record({ bytes: fc.nat({ max: 2000 }), records: fc.nat({ max: 10 }) });
  const ages = fc.nat({ max: NOW_MS });

  it('never touches a record in use, never names one twice, and says truly whether it suffices', () => {
    fc.assert(
      fc.property(holdings, excesses, ages, (records, excess, maxAgeMs) => {
        const { stale, forRoom, suffices } = choose(records, excess, maxAgeMs);
        const gone = [...stale, ...forRoom].map(({ id }) => records.find((record) => record.id === id) as Held);
        expect(new Set(gone).size).toBe(gone.length);
        expect(gone.some((record) => record.used)).toBe(false);
        const freed = gone.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(suffices).toBe(freed >= excess.bytes && gone.length >= excess.records);
        const idle = records.filter((record) => !record.used);
        const most = idle.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(suffices).toBe(most >= excess.bytes && idle.length >= excess.records);
      }),
    );
  });

  it('takes everything stale, and of the rest the least recently used and no more than needed', () => {
    fc.assert(
      fc.property(holdings, excesses, ages, (records, excess, maxAgeMs) => {
        const { stale, forRoom } = choose(records, excess, maxAgeMs);
        const isStale = (record: Held): boolean =>
          record.state === 'invalid' || NOW_MS - record.lastAccessMs > maxAgeMs;
        const idle = records.filter((record) => !record.used);
        expect(stale.map(({ id }) => id)).toEqual(idle.filter(isStale).map(({ id }) => id));
        const fresh = idle.filter((record) => !isStale(record)).map(({ id }) => id);
        // In the order of use, and complete up to the last one but for those that would free nothing.
        const last = fresh.indexOf(forRoom.at(-1)?.id as RecordId);
        const skipped = fresh.slice(0, last + 1).filter((id) => !forRoom.some((each) => each.id === id));
        expect(forRoom.map(({ id }) => fresh.indexOf(id))).toEqual(
          forRoom.map(({ id }) => fresh.indexOf(id)).sort((a, b) => a - b),
        );
        expect(skipped.every((id) => records.find((record) => record.id === id)?.bytes === 0)).toBe(true);
        const without = [...stale, ...forRoom.slice(0, -1)].map(({ id }) => records.find((each) => each.id === id));
        const freed = without.reduce((sum, record) => sum + (record?.bytes ?? 0), 0);
        if (forRoom.length > 0) expect(freed >= excess.bytes && without.length >= excess.records).toBe(false);
      }),
    );
  });

  it('makes exactly the room that limits and disk ask for', () => {
    const amounts = fc.nat({ max: 10_000 });
    const fills = fc.record({
      bytes: amounts,
      reservedBytes: amounts,
      records: fc.nat({ max: MAX_RECORDS }),
      reservedRecords: fc.nat({ max: 10 }),
      freeDiskBytes: amounts,
    });
    const limits = fc.record({ maxBytes: amounts, maxAgeMs: amounts, minFreeBytes: amounts });
    fc.assert(
      fc.property(amounts, fills, limits, (bytes, fill, limit) => {
        const excess = excessFor({ bytes, records: 1 }, fill, limit);
        const after = fill.bytes - excess.bytes + fill.reservedBytes + bytes;
        const free = fill.freeDiskBytes + excess.bytes - fill.reservedBytes - bytes;
        expect(after).toBeLessThanOrEqual(limit.maxBytes);
        expect(free).toBeGreaterThanOrEqual(limit.minFreeBytes);
        if (excess.bytes > 0) expect(after === limit.maxBytes || free === limit.minFreeBytes).toBe(true);
        expect(fill.records - excess.records + fill.reservedRecords + 1).toBeLessThanOrEqual(MAX_RECORDS);
      }),
    );
  });
});

type Step =
  | { readonly do: 'admit' | 'reserve'; readonly bytes: number }
  | { readonly do: 'read' | 'stop reading' | 'give back' | 'remove' | 'refuse'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'limit'; readonly bytes: number }
  | { readonly do: 'clear' };

const which = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('admit'), bytes: fc.nat({ max: 600 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reserve'), bytes: fc.nat({ max: 600 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('read', 'stop reading', 'give back'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('remove', 'refuse'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.integer({ min: -2000, max: 2000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('limit'), bytes: fc.nat({ max: 1500 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear') }) },
) as fc.Arbitrary<Step>;

/** A cache that is used by chance, next to what the test knows about it. */
class Player {
  readonly #fixture: CacheFixture;
  readonly #files = new Map<RecordId, TestFile>();
  readonly #readers: CacheReader[] = [];
  readonly #promises: Reservation[] = [];

  constructor(fixture: CacheFixture) {
    this.#fixture = fixture;
  }

  async play(step: Step): Promise<void> {
    const { cache, clock } = this.#fixture;
    switch (step.do) {
      case 'admit':
        return this.#admit(step.bytes);
      case 'reserve':
        this.#promises.push(await cache.reserve(step.bytes));
        return;
      case 'read': {
        const id = pick(this.#present(), step.which);
        if (id !== undefined) this.#readers.push(await cache.open(id));
        return;
      }
      case 'stop reading':
        return drop(this.#readers, step.which);
      case 'give back':
        return drop(this.#promises, step.which);
      case 'remove':
      case 'refuse': {
        const id = pick(this.#present(), step.which);
        if (id !== undefined) await (step.do === 'remove' ? cache.remove(id) : cache.setState(id, 'invalid'));
        return;
      }
      case 'pass':
        clock.setWallMs(clock.wallMs() + step.ms);
        return cache.sweep();
      case 'limit':
        return cache.setLimits({ ...this.#fixture.limits, maxBytes: step.bytes });
      case 'clear':
        await cache.clear();
    }
  }

  async check(): Promise<void> {
    const { cache } = this.#fixture;
    const { bytes, reservedBytes, limits } = cache.usage();
    const records = await cache.list();
    expect(bytes).toBe(records.reduce((sum, record) => sum + record.bytes, 0));
    const isUsed = (record: CacheRecord): boolean => this.#readers.some((reader) => reader.record.id === record.id);
    // Only what is in use or promised may stand above a limit that shrank.
    if (bytes + reservedBytes > limits.maxBytes) {
      expect(records.filter((record) => record.bytes > 0).every(isUsed)).toBe(true);
    }
    // An open file stays readable on most systems, so that alone would not show that it was removed.
    const files = this.#readers.length === 0 ? [] : await this.#fixture.contentFiles();
    for (const reader of this.#readers) {
      expect(files).toContain(reader.record.id);
      const read = await readRange(reader, { start: 0, end: reader.record.bytes });
      expect(read.equals((this.#files.get(reader.record.id) as TestFile).bytes)).toBe(true);
    }
  }

  async end(): Promise<void> {
    for (const each of [...this.#readers, ...this.#promises]) await each[Symbol.asyncDispose]();
    await this.#fixture.close();
    const files = await this.#fixture.contentFiles();
    await this.#fixture.open();
    const kept = (await this.#fixture.cache.list()).map(({ id }): string => id);
    // The start applies the first limits again, so records may go, but only for that reason.
    const gone = this.#fixture.eventsOf('cache.removed').map(({ recordId }): string => recordId);
    expect(files.filter((name) => !gone.includes(name)).sort()).toEqual(kept.sort());
    await this.#fixture.close();
    expect((await this.#fixture.contentFiles()).sort()).toEqual(kept);
    expect(this.#fixture.eventsOf('cache.damaged')).toEqual([]);
    expect(this.#fixture.eventsOf('cache.repaired')).toEqual([]);
  }

  #present(): RecordId[] {
    return [...this.#files.keys()].filter((id) => this.#fixture.cache.get(id) !== null);
  }

  async #admit(bytes: number): Promise<void> {
    const file = testFile(bytes, `http://origin.test/${this.#files.size}`);
    this.#fixture.clock.setWallMs(this.#fixture.clock.wallMs() + 1);
    this.#files.set((await this.#fixture.admit(file)).id, file);
  }
}

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items[which % items.length];
}

async function drop(items: AsyncDisposable[], which: number): Promise<void> {
  const [item] = items.splice(which % items.length, 1);
  await item?.[Symbol.asyncDispose]();
}

describe('a cache in use', () => {
  it('is never over its limit, never loses a record in use, and its disk matches its index in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await using temp = await tempDir();
        const fixture = new CacheFixture(temp.path);
        fixture.limits = { maxBytes: 1000, maxAgeMs: 1000, minFreeBytes: 0 };
        // Durability is another test's matter, and it takes most of the time.
        fixture.disk = { ...nodeDisk, syncFile: async () => {}, syncDirectory: async () => {} };
        await fixture.open();
        const player = new Player(fixture);
        try {
          for (const each of steps) {
            await player.play(each).catch((error) => {
              // Refusals are part of the game: full, busy, gone.
              if (!(error instanceof NearbitsError)) throw error;
              expect(['E_CACHE_FULL', 'E_BUSY', 'E_NOT_FOUND']).toContain(error.code);
            });
            await player.check();
          }
          await player.end();
        } finally {
          await fixture.close();
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
