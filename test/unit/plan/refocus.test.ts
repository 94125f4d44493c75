import { describe, expect, it } from 'vitest';
import { RangeSet } from '../../../src/core/range-set.ts';
import type { PlanInput, SourceState } from '../../../src/plan/assign.ts';
import { type RunningRequest, requestsToStop } from '../../../src/plan/refocus.ts';

const MIB = 1024 * 1024;
const span = (start: number, end: number) => ({ start: start * MIB, end: end * MIB });
const request = (sourceId: string, start: number, end: number, at = start): RunningRequest => ({
  sourceId,
  range: span(start, end),
  at: at * MIB,
});
const source = (id: string, kind: SourceState['kind'], extra: Partial<SourceState> = {}): SourceState => ({
  id,
  kind,
  offers: RangeSet.of(span(0, 100)),
  inFlight: 1,
  maxInFlight: 1,
  notBeforeMs: 0,
  ...extra,
});

function stopped(
  running: readonly RunningRequest[],
  sources: readonly SourceState[],
  position: number,
  extra: { focus?: RangeSet; unproven?: RangeSet; plan?: Partial<PlanInput> } = {},
): string[] {
  const focus = extra.focus ?? RangeSet.of(span(0, 100));
  const unproven = extra.unproven ?? focus;
  const plan: PlanInput = {
    nowMs: 0,
    missing: unproven.subtract(RangeSet.of(...running.map(({ range }) => range))),
    heads: RangeSet.empty,
    sources,
    originFromMs: 0,
    pieceSize: MIB,
    maxRequestBytes: 16 * MIB,
    maxOriginRequestBytes: 64 * MIB,
    position: position * MIB,
    ...extra.plan,
  };
  return requestsToStop({ plan, focus, unproven, running }).map(({ sourceId }) => sourceId);
}

describe('requestsToStop', () => {
  it('stops nothing while everything is wanted and nobody reads', () => {
    expect(stopped([request('a', 0, 16), request('b', 50, 60)], [source('a', 'peer'), source('b', 'peer')], 0)).toEqual(
      [],
    );
  });

  it('stops what brings unwanted bytes, and lets what came already be', () => {
    const running = [request('a', 0, 16), request('b', 20, 30, 25), request('c', 40, 50, 50)];
    const sources = [source('a', 'peer'), source('b', 'peer'), source('c', 'peer')];
    expect(stopped(running, sources, 0, { focus: RangeSet.of(span(24, 40)) })).toEqual(['a']);
  });

  it('stops the request that works on what is needed last', () => {
    const running = [request('a', 40, 50), request('b', 10, 20), request('c', 35, 38)];
    const sources = [source('a', 'peer'), source('b', 'peer'), source('c', 'peer')];
    expect(stopped(running, sources, 30)).toEqual(['b']);
  });

  it('stops only a source that holds what is needed', () => {
    const partial = source('b', 'peer', { offers: RangeSet.of(span(0, 20)) });
    expect(stopped([request('a', 40, 50), request('b', 10, 20)], [source('a', 'peer'), partial], 30)).toEqual(['a']);
    expect(stopped([request('b', 10, 20)], [partial], 30)).toEqual([]);
  });

  it('stops nothing when an idle source can be asked', () => {
    const sources = [source('a', 'peer'), source('b', 'peer', { inFlight: 0 })];
    expect(stopped([request('a', 0, 16)], sources, 30)).toEqual([]);
  });

  it('waits for a request that is near, not for one that is far', () => {
    const sources = [source('a', 'origin')];
    expect(stopped([request('a', 0, 64, 27)], sources, 30)).toEqual([]);
    expect(stopped([request('a', 0, 64, 25)], sources, 30)).toEqual(['a']);
  });

  it('wraps around to what lies before the reader when all behind is there', () => {
    const sources = [source('a', 'peer')];
    expect(stopped([request('a', 2, 10)], sources, 30, { unproven: RangeSet.of(span(1, 20)) })).toEqual(['a']);
    expect(stopped([request('a', 2, 10)], sources, 30, { unproven: RangeSet.of(span(2, 20)) })).toEqual([]);
    expect(stopped([], sources, 30, { unproven: RangeSet.empty })).toEqual([]);
  });

  it('leaves an origin alone that can only send all from the start', () => {
    const plan = { maxOriginRequestBytes: Number.POSITIVE_INFINITY };
    expect(stopped([request('a', 0, 100)], [source('a', 'origin')], 30, { plan })).toEqual([]);
  });
});
