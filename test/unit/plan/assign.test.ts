import { describe, expect, it } from 'vitest';
import { RangeSet } from '../../../src/core/range-set.ts';
import { type PlanInput, planAssignments, type SourceState } from '../../../src/plan/assign.ts';

const MIB = 1024 * 1024;
const all = (mib: number) => RangeSet.of({ start: 0, end: mib * MIB });
const source = (
  id: string,
  kind: SourceState['kind'],
  offers: RangeSet,
  extra: Partial<SourceState> = {},
): SourceState => ({
  id,
  kind,
  offers,
  inFlight: 0,
  maxInFlight: 1,
  notBeforeMs: 0,
  ...extra,
});
const input = (extra: Partial<PlanInput>): PlanInput => ({
  nowMs: 1000,
  missing: all(10),
  heads: RangeSet.empty,
  sources: [],
  originFromMs: 0,
  pieceSize: MIB,
  maxRequestBytes: 64 * MIB,
  maxOriginRequestBytes: 64 * MIB,
  position: 0,
  ...extra,
});

describe('planAssignments', () => {
  it('takes everything from a peer that holds everything and leaves the origin alone', () => {
    const plan = planAssignments(
      input({ sources: [source('origin', 'origin', all(10)), source('p', 'peer', all(10))] }),
    );
    expect(plan.assignments).toEqual([{ sourceId: 'p', range: { start: 0, end: 10 * MIB } }]);
    expect(plan.stuck).toBe(false);
  });

  it('fetches from the origin, at the same time, what no peer holds', () => {
    const peer = source('p', 'peer', RangeSet.of({ start: 2 * MIB, end: 5 * MIB }));
    const plan = planAssignments(input({ sources: [source('origin', 'origin', all(10)), peer] }));
    expect(plan.assignments).toEqual([
      { sourceId: 'p', range: { start: 2 * MIB, end: 5 * MIB } },
      { sourceId: 'origin', range: { start: 0, end: 2 * MIB } },
    ]);
  });

  it('waits for the end of the patience before it asks the origin', () => {
    const plan = planAssignments(input({ sources: [source('origin', 'origin', all(10))], originFromMs: 1500 }));
    expect(plan).toEqual({ assignments: [], wakeAtMs: 1500, stuck: false });
  });

  it('does not wait for a peer that is busy for longer than the patience', () => {
    const peer = source('p', 'peer', all(10), { notBeforeMs: 9000 });
    const plan = planAssignments(input({ sources: [peer, source('origin', 'origin', all(10))] }));
    expect(plan.assignments).toEqual([{ sourceId: 'origin', range: { start: 0, end: 10 * MIB } }]);
  });

  it.each([
    ['unknown', null, 4],
    ['slow', 2 * MIB, 4],
    ['fast', 20 * MIB, 10],
    ['very fast', 900 * MIB, 16],
  ])('asks a source whose speed is %s for as much as fits half a second', (_name, bytesPerSecond, mib) => {
    const sources = [source('p', 'peer', all(100), { bytesPerSecond })];
    const plan = planAssignments(input({ missing: all(100), maxRequestBytes: 4 * MIB, sources }));
    expect(plan.assignments).toEqual([{ sourceId: 'p', range: { start: 0, end: mib * MIB } }]);
  });

  it('shares the work among several holders', () => {
    const plan = planAssignments(input({ sources: [source('a', 'peer', all(10)), source('b', 'peer', all(10))] }));
    expect(plan.assignments.map((one) => one.sourceId)).toEqual(['a', 'b']);
    expect(plan.assignments[0]?.range.end).toBe(plan.assignments[1]?.range.start);
  });

  it('asks a partial holder first for what only it holds', () => {
    const partial = source('b', 'peer', RangeSet.of({ start: 0, end: 4 * MIB }));
    const plan = planAssignments(input({ sources: [source('a', 'peer', all(10)), partial] }));
    expect(plan.assignments[0]).toMatchObject({ sourceId: 'a', range: { start: 4 * MIB } });
    expect(plan.assignments[1]).toMatchObject({ sourceId: 'b', range: { start: 0 } });
  });

  it('lets the origin go on behind the bytes it sent already', () => {
    const heads = RangeSet.of({ start: 0, end: 300_000 });
    const plan = planAssignments(input({ missing: all(1), heads, sources: [source('origin', 'origin', all(1))] }));
    expect(plan.assignments).toEqual([{ sourceId: 'origin', range: { start: 300_000, end: MIB } }]);
  });

  it('asks for at least one whole piece however large pieces are', () => {
    const plan = planAssignments(
      input({ missing: all(512), pieceSize: 128 * MIB, sources: [source('origin', 'origin', all(512))] }),
    );
    expect(plan.assignments[0]?.range).toEqual({ start: 0, end: 128 * MIB });
  });

  it('gives a reader what comes next before what few hold, and then wraps around', () => {
    const sources = [source('a', 'peer', all(10)), source('b', 'peer', RangeSet.of({ start: 0, end: 4 * MIB }))];
    const { assignments } = planAssignments(input({ sources, position: 2 * MIB + 5 }));
    expect(assignments.map(({ sourceId, range }) => [sourceId, range.start / MIB])).toEqual([
      ['a', 2],
      ['b', 0],
    ]);
  });

  it('takes a reader to the start of the piece, or behind the head of it', () => {
    const origin = source('origin', 'origin', all(10));
    const heads = RangeSet.of({ start: 2 * MIB, end: 2 * MIB + 700 });
    const at = (extra: Partial<PlanInput>) =>
      planAssignments(input({ sources: [origin], position: 2 * MIB + 5, ...extra })).assignments[0]?.range.start;
    expect(at({})).toBe(2 * MIB);
    expect(at({ heads })).toBe(2 * MIB + 700);
    expect(at({ missing: all(1) })).toBe(0);
  });

  it('lets an origin that serves no ranges begin at the start', () => {
    const plan = planAssignments(
      input({
        sources: [source('origin', 'origin', all(10))],
        position: 5 * MIB,
        maxOriginRequestBytes: Number.POSITIVE_INFINITY,
      }),
    );
    expect(plan.assignments).toEqual([{ sourceId: 'origin', range: { start: 0, end: 10 * MIB } }]);
  });

  it('is stuck when bytes are missing that nobody offers', () => {
    expect(planAssignments(input({ sources: [] })).stuck).toBe(true);
    expect(
      planAssignments(input({ sources: [source('p', 'peer', RangeSet.of({ start: 0, end: MIB }), { inFlight: 1 })] }))
        .stuck,
    ).toBe(false);
  });
});
