import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, LEVELS, type Level, Schedule } from '../../src/plan/schedule.ts';

const SLICE = 100;
const level = fc.constantFrom(...LEVELS);
const id = fc.nat(7).map((number) => `job${number}`);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), id, level }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('level' as const), id, level }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 30, 99, 100, 101, 500) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'wake' as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The simplest thing that knows which jobs there are and which of them run, and checks every decision against the rules. */
class Model {
  readonly levels = new Map<string, Level>();
  readonly running = new Set<string>();
  readonly schedule = new Schedule({ sliceMs: SLICE });
  nowMs = 0;
  last: Decision = { start: [], preempt: [], wakeAtMs: null };

  play(it: Step): void {
    if (it.do === 'pass') this.nowMs += it.ms;
    else if (it.do === 'wake') this.nowMs = Math.max(this.nowMs, this.last.wakeAtMs ?? 0);
    else this.#change(it);
    this.decide();
  }

  decide(): void {
    this.last = this.schedule.decide(this.nowMs);
    const { start, preempt } = this.last;
    for (const stopped of preempt) expect(this.running.delete(stopped), 'only running jobs are stopped').toBe(true);
    for (const started of start) {
      expect(this.levels.has(started), 'only known jobs are started').toBe(true);
      expect(this.running.has(started), 'no job is started twice').toBe(false);
      this.running.add(started);
    }
    expect(
      start.filter((one) => preempt.includes(one)),
      'no job is both stopped and started',
    ).toEqual([]);
    this.#checkRules();
  }

  of(wanted: Level): string[] {
    return [...this.levels].filter(([, its]) => its === wanted).map(([one]) => one);
  }

  #change(it: Exclude<Step, { do: 'pass' } | { do: 'wake' }>): void {
    if (it.do === 'add') {
      this.schedule.add(it.id, it.level);
      if (!this.levels.has(it.id)) this.levels.set(it.id, it.level);
    } else if (it.do === 'remove') {
      this.schedule.remove(it.id);
      this.levels.delete(it.id);
      this.running.delete(it.id);
    } else {
      this.schedule.setLevel(it.id, it.level);
      if (this.levels.has(it.id)) this.levels.set(it.id, it.level);
    }
    expect(this.schedule.has(it.id)).toBe(this.levels.has(it.id));
  }

  #checkRules(): void {
    for (const one of this.of('FOREGROUND')) expect(this.running.has(one), 'foreground never waits').toBe(true);
    const background = [...this.running].filter((one) => this.levels.get(one) !== 'FOREGROUND');
    const highest = LEVELS.find((one) => one !== 'FOREGROUND' && this.of(one).length > 0);
    expect(background.length, 'one background job runs, if there is any').toBe(highest === undefined ? 0 : 1);
    if (highest === undefined) return;
    expect(this.levels.get(background[0] as string), 'no lower level before a higher one').toBe(highest);
    const others = this.of(highest).length > 1;
    expect(this.last.wakeAtMs === null, 'a wake-up only when another job of the level waits').toBe(!others);
    if (this.last.wakeAtMs === null) return;
    expect(this.last.wakeAtMs).toBeGreaterThan(this.nowMs);
    expect(this.last.wakeAtMs).toBeLessThanOrEqual(this.nowMs + SLICE);
  }
}

describe('Schedule under any changes', () => {
  it('keeps all rules, loses no job and doubles none', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Model();
        for (const one of steps) model.play(one);
        const jobs = model.levels.size;
        for (let left = jobs; left > 0; left--) {
          const next = [...model.running][0] as string;
          expect(next, 'whoever is left gets its turn').toBeDefined();
          model.play({ do: 'remove', id: next });
        }
        expect(model.running.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('starves nobody within a level: after one round of slices everybody ran', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const model = new Model();
        for (const one of steps) model.play(one);
        const highest = LEVELS.find((one) => one !== 'FOREGROUND' && model.of(one).length > 0);
        if (highest === undefined) return;
        const ran = new Set(model.running);
        for (let round = 0; round < model.of(highest).length; round++) {
          model.play({ do: 'wake' });
          for (const one of model.last.start) ran.add(one);
        }
        expect(model.of(highest).filter((one) => !ran.has(one))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('decides nothing between two wake-ups', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (steps, share) => {
          const model = new Model();
          for (const one of steps) model.play(one);
          const { wakeAtMs } = model.last;
          model.nowMs =
            wakeAtMs === null ? model.nowMs + 1e9 : model.nowMs + Math.floor((wakeAtMs - model.nowMs) * share);
          model.decide();
          expect(model.last).toEqual({ start: [], preempt: [], wakeAtMs });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('runs equal jobs in the order in which they came', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), (count) => {
        const schedule = new Schedule({ sliceMs: SLICE });
        const ids = Array.from({ length: count }, (_, index) => `job${index}`);
        for (const one of ids) schedule.add(one, 'NORMAL');
        const order = ids.flatMap((_, round) => schedule.decide(round * SLICE).start);
        expect(order).toEqual(ids);
      }),
    );
  });
});
