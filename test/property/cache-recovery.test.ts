import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeDisk } from '../../src/cache/disk.ts';
import type { RecordState } from '../../src/cache/record.ts';
import type { RecordId } from '../../src/core/ids.ts';
import { CacheFixture, never, readRange, type TestFile, testFile, WIDE } from '../support/cache-fixture.ts';
import { type CutMoment, CuttingDisk } from '../support/cutting-disk.ts';
import { tempDir } from '../support/temp-dir.ts';

type Action =
  | { readonly do: 'admit' | 'admit parts'; readonly bytes: number; readonly state: 'unknown' | 'valid' }
  | { readonly do: 'accept' | 'remove'; readonly which: number };

/** What was promised to the caller: a record, and the states that it may be found in. */
interface Promised {
  readonly file: TestFile;
  states: readonly RecordState[];
}

/** Uses a cache until the power goes, and keeps account of what the cache promised. */
class Victim {
  readonly #fixture: CacheFixture;
  readonly #admitted = new Map<RecordId, Promised>();
  #files = 0;

  constructor(fixture: CacheFixture) {
    this.#fixture = fixture;
  }

  async act(action: Action): Promise<void> {
    if ('bytes' in action) {
      const file = testFile(action.bytes, `http://origin.test/${this.#files++}`);
      const half = Math.floor(action.bytes / 2);
      const parts = [
        { start: half, end: action.bytes },
        { start: 0, end: Math.floor(half / 2) },
      ];
      const ranges = action.do === 'admit parts' ? { ranges: parts.filter(({ start, end }) => start < end) } : {};
      const { id } = await this.#fixture.admit(file, { state: action.state, pieceSize: 1000, ...ranges });
      this.#admitted.set(id, { file, states: [action.state] });
      return;
    }
    const ids = [...this.promised().keys()];
    const id = ids[action.which % ids.length];
    const promised = id === undefined ? undefined : this.#admitted.get(id);
    if (id === undefined || promised === undefined) return;
    if (action.do === 'remove') return this.#fixture.cache.remove(id);
    promised.states = [...promised.states, 'valid'];
    await this.#fixture.cache.setState(id, 'valid');
    promised.states = ['valid'];
  }

  /** What was admitted and not removed, by whomever. */
  promised(): Map<RecordId, Promised> {
    const gone = new Set(this.#fixture.eventsOf('cache.removed').map(({ recordId }) => recordId));
    return new Map([...this.#admitted].filter(([id]) => !gone.has(id)));
  }
}

/** Plays the actions with the power cut at step `cutAt`, starts again and compares; returns the steps that were done. */
async function cutAndCompare(actions: readonly Action[], cutAt: number, moment: CutMoment): Promise<number> {
  await using temp = await tempDir();
  const fixture = new CacheFixture(temp.path);
  fixture.limits = { ...WIDE, maxBytes: 10_000 };
  const disk = new CuttingDisk({ cutAt, moment, onCut: () => fixture.crash() });
  fixture.disk = disk;
  await fixture.open();
  const victim = new Victim(fixture);
  try {
    for (const action of actions) if (!disk.isCut) await victim.act(action);
    await fixture.close();
  } catch (error) {
    // Anything but the cut, which may be at any place, is a failure of the test.
    if (!disk.isCut) throw error;
  }
  await fixture.crash();
  await compare(fixture, victim.promised());
  return disk.steps;
}

async function compare(fixture: CacheFixture, promised: ReadonlyMap<RecordId, Promised>): Promise<void> {
  fixture.disk = nodeDisk;
  await fixture.open();
  try {
    for (const [id, { file, states }] of promised) {
      const record = fixture.cache.get(id);
      if (record === null) throw new Error(`the promised record ${id} is lost`);
      expect(states).toContain(record.state);
      await using reader = await fixture.cache.open(id);
      for (const range of record.ranges.ranges) {
        expect((await readRange(reader, range)).equals(file.bytes.subarray(range.start, range.end))).toBe(true);
      }
    }
    expect((await fixture.cache.verify(never)).damaged).toEqual([]);
    expect(fixture.eventsOf('cache.damaged')).toEqual([]);
    const known = (await fixture.cache.list()).map(({ id }): string => id);
    expect((await fixture.contentFiles()).sort()).toEqual(known.sort());
    expect(await fixture.incomingFiles()).toEqual([]);
  } finally {
    await fixture.close();
  }
}

const THOROUGH: readonly Action[] = [
  { do: 'admit', bytes: 2500, state: 'valid' },
  { do: 'admit parts', bytes: 4000, state: 'unknown' },
  { do: 'accept', which: 1 },
  { do: 'admit', bytes: 0, state: 'valid' },
  { do: 'remove', which: 0 },
  { do: 'admit', bytes: 4000, state: 'unknown' },
  { do: 'admit', bytes: 6000, state: 'valid' },
  { do: 'accept', which: 0 },
];

describe('a power cut', () => {
  it('at any single step of a day leaves index and disk equal and no promise broken', async () => {
    const steps = await cutAndCompare(THOROUGH, Number.POSITIVE_INFINITY, 'after');
    expect(steps).toBeGreaterThan(20);
    for (let cutAt = 0; cutAt < steps; cutAt++) {
      for (const moment of ['before', 'after'] as const) await cutAndCompare(THOROUGH, cutAt, moment);
    }
  }, 60_000);

  it('at a step of any day does, too', async () => {
    const size = fc.nat({ max: 6000 });
    const state = fc.constantFrom('unknown' as const, 'valid' as const);
    const action: fc.Arbitrary<Action> = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constantFrom('admit' as const, 'admit parts' as const), bytes: size, state }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constantFrom('accept' as const, 'remove' as const), which: fc.nat({ max: 9 }) }),
      },
    );
    const actions = fc.array(action, { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        actions,
        fc.nat({ max: 40 }),
        fc.constantFrom('before' as const, 'after' as const),
        async (...day) => {
          await cutAndCompare(...day);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});
