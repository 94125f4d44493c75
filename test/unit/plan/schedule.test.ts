import { describe, expect, it } from 'vitest';
import { Schedule } from '../../../src/plan/schedule.ts';

const SLICE = 5000;
const schedule = (jobs: Readonly<Record<string, 'FOREGROUND' | 'HIGH' | 'NORMAL' | 'LOW'>> = {}) => {
  const made = new Schedule({ sliceMs: SLICE });
  for (const [id, level] of Object.entries(jobs)) made.add(id, level);
  return made;
};
const nothing = { start: [], preempt: [], wakeAtMs: null };

describe('Schedule', () => {
  it('has nothing to do without jobs', () => {
    expect(schedule().decide(0)).toEqual(nothing);
  });

  it('starts every foreground job at once and one background job beside them', () => {
    const jobs = schedule({ n1: 'NORMAL', f1: 'FOREGROUND', f2: 'FOREGROUND', n2: 'NORMAL' });
    expect(jobs.decide(0)).toEqual({ start: ['f1', 'f2', 'n1'], preempt: [], wakeAtMs: SLICE });
    jobs.add('f3', 'FOREGROUND');
    expect(jobs.decide(10)).toEqual({ start: ['f3'], preempt: [], wakeAtMs: SLICE });
  });

  it('decides the same thing only once', () => {
    const jobs = schedule({ n1: 'NORMAL', f1: 'FOREGROUND' });
    jobs.decide(0);
    expect(jobs.decide(1)).toEqual(nothing);
  });

  it('runs the highest level first and the lower ones when it is empty', () => {
    const jobs = schedule({ l: 'LOW', n: 'NORMAL', h: 'HIGH' });
    expect(jobs.decide(0).start).toEqual(['h']);
    jobs.remove('h');
    expect(jobs.decide(1).start).toEqual(['n']);
    jobs.remove('n');
    expect(jobs.decide(2).start).toEqual(['l']);
  });

  it('gives the jobs of a level one slice after the other, first come first served', () => {
    const jobs = schedule({ a: 'NORMAL', b: 'NORMAL', c: 'NORMAL' });
    expect(jobs.decide(0).start).toEqual(['a']);
    expect(jobs.decide(SLICE - 1)).toEqual({ start: [], preempt: [], wakeAtMs: SLICE });
    expect(jobs.decide(SLICE)).toEqual({ start: ['b'], preempt: ['a'], wakeAtMs: 2 * SLICE });
    expect(jobs.decide(2 * SLICE).start).toEqual(['c']);
    expect(jobs.decide(3 * SLICE)).toEqual({ start: ['a'], preempt: ['c'], wakeAtMs: 4 * SLICE });
  });

  it('lets a lone job run on, and makes room at once when its slice is long over', () => {
    const jobs = schedule({ a: 'LOW' });
    jobs.decide(0);
    expect(jobs.decide(10 * SLICE)).toEqual(nothing);
    jobs.add('b', 'LOW');
    expect(jobs.decide(10 * SLICE + 1)).toEqual({ start: ['b'], preempt: ['a'], wakeAtMs: 11 * SLICE + 1 });
  });

  it('keeps the place and the rest of the slice of a job that a higher level pushed aside', () => {
    const jobs = schedule({ a: 'NORMAL', b: 'NORMAL' });
    jobs.decide(0);
    jobs.add('h', 'HIGH');
    expect(jobs.decide(2000)).toEqual({ start: ['h'], preempt: ['a'], wakeAtMs: null });
    jobs.remove('h');
    expect(jobs.decide(9000)).toEqual({ start: ['a'], preempt: [], wakeAtMs: 12_000 });
  });

  it('puts a job at the tail that was pushed aside with nothing left of its slice', () => {
    const jobs = schedule({ a: 'NORMAL' });
    jobs.decide(0);
    jobs.add('b', 'NORMAL');
    jobs.add('h', 'HIGH');
    expect(jobs.decide(SLICE).preempt).toEqual(['a']);
    jobs.remove('h');
    expect(jobs.decide(SLICE + 1).start).toEqual(['b']);
  });

  it('forgets the used slice of a job that was removed and came again', () => {
    const jobs = schedule({ a: 'NORMAL', b: 'NORMAL' });
    jobs.decide(0);
    jobs.remove('a');
    jobs.add('a', 'NORMAL');
    expect(jobs.decide(4000)).toEqual({ start: ['b'], preempt: [], wakeAtMs: 9000 });
  });

  it('ignores a job that is added twice and one that is not there', () => {
    const jobs = schedule({ a: 'NORMAL' });
    jobs.add('a', 'FOREGROUND');
    jobs.remove('x');
    jobs.setLevel('x', 'HIGH');
    expect(jobs.has('a')).toBe(true);
    expect(jobs.has('x')).toBe(false);
    jobs.add('h', 'HIGH');
    expect(jobs.decide(0).start).toEqual(['h']);
    expect(jobs.decide(1)).toEqual(nothing);
  });

  it('applies another slice also to the job that runs', () => {
    const jobs = schedule({ a: 'NORMAL', b: 'NORMAL' });
    jobs.decide(0);
    jobs.setSlice(100);
    expect(jobs.decide(50).wakeAtMs).toBe(100);
    expect(jobs.decide(100).start).toEqual(['b']);
  });
});

describe('a change of level', () => {
  it('moves a waiting job to the tail of its new level', () => {
    const jobs = schedule({ h: 'HIGH', a: 'LOW', b: 'LOW' });
    jobs.decide(0);
    jobs.setLevel('a', 'HIGH');
    jobs.remove('h');
    expect(jobs.decide(1).start).toEqual(['a']);
  });

  it('lets a running job that fell below a waiting one make room', () => {
    const jobs = schedule({ a: 'HIGH', b: 'NORMAL' });
    jobs.decide(0);
    jobs.setLevel('a', 'LOW');
    expect(jobs.decide(1)).toEqual({ start: ['b'], preempt: ['a'], wakeAtMs: null });
  });

  it('starts a waiting job that became a foreground job, without a new start of a running one', () => {
    const jobs = schedule({ a: 'NORMAL', b: 'NORMAL' });
    jobs.decide(0);
    jobs.setLevel('b', 'FOREGROUND');
    jobs.setLevel('a', 'FOREGROUND');
    expect(jobs.decide(1)).toEqual({ start: ['b'], preempt: [], wakeAtMs: null });
  });

  it('leaves one background job when foreground jobs become background jobs', () => {
    const jobs = schedule({ f1: 'FOREGROUND', f2: 'FOREGROUND', a: 'NORMAL' });
    jobs.decide(0);
    jobs.setLevel('f1', 'NORMAL');
    jobs.setLevel('f2', 'LOW');
    const { start, preempt } = jobs.decide(1000);
    expect({ start, preempt }).toEqual({ start: [], preempt: ['f1', 'f2'] });
    jobs.remove('a');
    expect(jobs.decide(1001).start).toEqual(['f1']);
  });

  it('begins a slice for a foreground job that goes on as the background job', () => {
    const jobs = schedule({ f: 'FOREGROUND' });
    jobs.decide(0);
    jobs.setLevel('f', 'NORMAL');
    jobs.add('a', 'NORMAL');
    expect(jobs.decide(60_000)).toEqual({ start: [], preempt: [], wakeAtMs: 60_000 + SLICE });
  });
});
