import type { ByteRange } from '../core/byte-range.ts';
import type { RangeSet } from '../core/range-set.ts';
import { alignToPieces, firstFrom, type PlanInput, planAssignments } from './assign.ts';

/** A request that goes on now. */
export interface RunningRequest {
  readonly sourceId: string;
  readonly range: ByteRange;
  /** Where its next byte belongs. */
  readonly at: number;
}

/** The facts after somebody asked for other bytes than before. */
export interface RefocusInput {
  /** What the planner would be given now. */
  readonly plan: PlanInput;
  /** All bytes that are wanted now, whole pieces, there or not. */
  readonly focus: RangeSet;
  /** Those of them that are not proven, whether they are being fetched or not. */
  readonly unproven: RangeSet;
  readonly running: readonly RunningRequest[];
}

/** A reader waits for a request that has at most so many bytes to bring before those that are needed. */
const NEAR_BYTES = 4 * 1024 * 1024;

/**
 * Which requests to stop, so that their sources are free for what is wanted now:
 *
 * 1. those that would bring bytes that nobody wants any more;
 * 2. one, when the reader needs bytes that no request brings soon and no idle source can be asked for: of the sources
 *    that hold them the one that works on what is needed last.
 */
export function requestsToStop(input: RefocusInput): readonly RunningRequest[] {
  const outside = input.running.filter(({ at, range }) => {
    // A neighbour's piece may begin before what is wanted of it.
    return !input.focus.covers({ start: Math.max(at, range.start), end: range.end });
  });
  if (outside.length > 0 || input.plan.position === 0) return outside;
  const next = firstFrom(input.unproven, input.plan.position)?.start;
  if (next === undefined || comesSoon(next, input)) return [];
  return leastUrgent(next, input);
}

function comesSoon(next: number, { plan, running }: RefocusInput): boolean {
  const works = (range: ByteRange) => {
    const { start, end } = alignToPieces(range, plan.pieceSize);
    return start <= next && next < end;
  };
  return (
    running.some(({ range, at }) => works(range) && next - at <= NEAR_BYTES) ||
    planAssignments(plan).assignments.some(({ range }) => works(range))
  );
}

function leastUrgent(next: number, { plan, running }: RefocusInput): RunningRequest[] {
  const holders = new Set(plan.sources.filter((source) => holds(source, next, plan)).map(({ id }) => id));
  const ahead = ({ at }: RunningRequest) => (at >= next ? at - next : Number.MAX_SAFE_INTEGER - (next - at));
  return running
    .filter(({ sourceId }) => holders.has(sourceId))
    .sort((a, b) => ahead(b) - ahead(a))
    .slice(0, 1);
}

function holds(source: PlanInput['sources'][number], next: number, plan: PlanInput): boolean {
  if (source.kind === 'origin' && !Number.isFinite(plan.maxOriginRequestBytes)) return false;
  return source.offers.covers({ start: next, end: next + 1 });
}
