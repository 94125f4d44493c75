import type { ByteRange } from '../core/byte-range.ts';
import { RangeSet } from '../core/range-set.ts';
import type { SourceKind } from '../core/source.ts';

/** What the planner knows of one source. */
export interface SourceState {
  readonly id: string;
  readonly kind: SourceKind;
  /** Bytes the source can deliver. */
  readonly offers: RangeSet;
  /** Requests it is working on now. */
  readonly inFlight: number;
  /** Requests it may work on at once, at least 1. */
  readonly maxInFlight: number;
  /** Monotonic time before which it must not be asked: it was busy or failed. */
  readonly notBeforeMs: number;
  /** How fast its last request was, in bytes per second; absent before the first one ended. */
  readonly bytesPerSecond?: number | null;
}

/** The facts of one moment; the planner remembers nothing between calls. */
export interface PlanInput {
  readonly nowMs: number;
  /** Bytes that are neither proven nor being fetched. */
  readonly missing: RangeSet;
  /**
   * Bytes the origin sent already but that are not proven yet, because their
   * piece is not complete. The origin goes on behind them; a peer starts the piece anew.
   */
  readonly heads: RangeSet;
  readonly sources: readonly SourceState[];
  /** Monotonic time from which the origin may be used: the end of the patience with peers. */
  readonly originFromMs: number;
  /** Requests are cut only at multiples of this, so that no piece is split between two sources. */
  readonly pieceSize: number;
  /**
   * One request to a peer or the cache asks for at most about this many bytes, at least one piece; of a source that is known
   * as fast for up to four times as many.
   */
  readonly maxRequestBytes: number;
  /** The same for the origin; without a bound where the origin serves no ranges. */
  readonly maxOriginRequestBytes: number;
  /**
   * Where somebody reads on while the file comes in: missing bytes from the piece of this one on are fetched first, in
   * order, and then those before it. 0 when nobody reads; then what few hold may come first.
   */
  readonly position: number;
}

/** One request to make now. */
export interface Assignment {
  readonly sourceId: string;
  readonly range: ByteRange;
}

/** What to do now, and when to ask again if nothing else happens first. */
export interface Plan {
  readonly assignments: readonly Assignment[];
  /** Monotonic time at which time alone changes the answer, or null. */
  readonly wakeAtMs: number | null;
  /** Bytes are missing, nobody is working, and no source will ever deliver them. */
  readonly stuck: boolean;
}

const PREFERENCE: Readonly<Record<SourceKind, number>> = { cache: 0, peer: 1, origin: 2 };

/** A source is asked for as much as it gave in this time, in seconds: a holder that is found later waits no longer for its share. */
const FAST_REQUEST_SECONDS = 0.5;
/** A fast source is asked for up to this many times as much: each request costs both ends some milliseconds. */
const FAST_REQUEST_FACTOR = 4;

/**
 * Decides which missing range comes from which source, now.
 *
 * 1. The own cache gives all it holds.
 * 2. Peers share what they hold: each idle one gets a run, first of bytes that nobody else holds, or of those that a
 *    reader needs next.
 * 3. The origin gives what no peer holds or will soon be free to give, and not before the patience is over.
 */
export function planAssignments(input: PlanInput): Plan {
  const assignments: Assignment[] = [];
  let missing = input.missing;
  for (const source of byPreference(input.sources)) {
    for (let free = freeRequests(source, input.nowMs); free > 0; free--) {
      const range = chooseRun(source, missing, input);
      if (range === null) break;
      assignments.push({ sourceId: source.id, range });
      missing = missing.subtract(RangeSet.of(alignToPieces(range, input.pieceSize)));
    }
  }
  const wakeAtMs = nextWake(input, missing);
  const working = assignments.length > 0 || input.sources.some((source) => source.inFlight > 0);
  return { assignments, wakeAtMs, stuck: !missing.isEmpty && !working && wakeAtMs === null };
}

function byPreference(sources: readonly SourceState[]): SourceState[] {
  return [...sources].sort((a, b) => PREFERENCE[a.kind] - PREFERENCE[b.kind]);
}

function freeRequests(source: SourceState, nowMs: number): number {
  return source.notBeforeMs > nowMs ? 0 : Math.max(0, source.maxInFlight - source.inFlight);
}

function chooseRun(source: SourceState, missing: RangeSet, input: PlanInput): ByteRange | null {
  if (source.kind === 'origin') return chooseOriginRun(source, missing, input);
  const offered = source.offers.intersect(missing);
  if (offered.isEmpty) return null;
  const exclusive = input.position > 0 ? RangeSet.empty : offered.subtract(offersOfOthers(source, input.sources));
  const wanted = exclusive.isEmpty ? offered : exclusive;
  return firstRun(wanted, shareOf(offered.size, source, input), input.pieceSize, input.position);
}

function chooseOriginRun(source: SourceState, missing: RangeSet, input: PlanInput): ByteRange | null {
  if (input.nowMs < input.originFromMs) return null;
  const left = leftToOrigin(source, missing, input);
  // Without a limit below one piece a huge piece could never be finished in one request.
  return firstRun(left, input.maxOriginRequestBytes, input.pieceSize, originPosition(input));
}

/** What is missing, not yet sent by the origin, and claimed by no peer that can deliver it about now. */
function leftToOrigin(origin: SourceState, missing: RangeSet, input: PlanInput): RangeSet {
  let left = origin.offers.intersect(missing).subtract(input.heads);
  for (const source of input.sources) {
    if (source.kind === 'origin' || !deliversSoon(source, input)) continue;
    left = left.subtract(source.offers);
  }
  return left;
}

// A peer that is busy until after the patience is over does not hold the origin back.
function deliversSoon(source: SourceState, input: PlanInput): boolean {
  return source.inFlight > 0 || source.notBeforeMs <= Math.max(input.nowMs, input.originFromMs);
}

function offersOfOthers(source: SourceState, sources: readonly SourceState[]): RangeSet {
  const others = sources.filter((other) => other.kind === 'peer' && other.id !== source.id);
  return RangeSet.of(...others.flatMap((other) => other.offers.ranges));
}

/** Half of a fair share, so that a slow holder keeps little from the fast ones. */
function shareOf(bytes: number, source: SourceState, input: PlanInput): number {
  const maxBytes = requestBytes(source, input);
  if (source.kind === 'cache') return maxBytes;
  const holders = input.sources.filter((other) => other.kind === 'peer').length;
  const share = holders <= 1 ? bytes : Math.ceil(bytes / (2 * holders));
  return Math.min(maxBytes, share);
}

function requestBytes({ bytesPerSecond }: SourceState, { maxRequestBytes }: PlanInput): number {
  const given = (bytesPerSecond ?? 0) * FAST_REQUEST_SECONDS;
  return Math.min(Math.max(given, maxRequestBytes), FAST_REQUEST_FACTOR * maxRequestBytes);
}

// An origin that serves no ranges sends all from the start, whatever the reader needs.
function originPosition(input: PlanInput): number {
  return Number.isFinite(input.maxOriginRequestBytes) ? input.position : 0;
}

/** The first run of `ranges` at or behind the piece of `position`, cut to about `maxBytes` at a multiple of the piece size. */
function firstRun(ranges: RangeSet, maxBytes: number, pieceSize: number, position: number): ByteRange | null {
  const first = firstFrom(ranges, Math.floor(position / pieceSize) * pieceSize);
  if (first === null) return null;
  const cut = Math.floor((first.start + maxBytes) / pieceSize) * pieceSize;
  const endOfPiece = (Math.floor(first.start / pieceSize) + 1) * pieceSize;
  return { start: first.start, end: Math.min(first.end, Math.max(cut, endOfPiece)) };
}

/** The first range of a set from `position` on, cut off there; the first one of all when none is left; null of an empty set. */
export function firstFrom(ranges: RangeSet, position: number): ByteRange | null {
  const ahead = ranges.ranges.find((range) => range.end > position);
  if (ahead === undefined) return ranges.ranges[0] ?? null;
  return { start: Math.max(ahead.start, position), end: ahead.end };
}

/** The grid cells that a range touches: nobody else may work in them meanwhile. */
export function alignToPieces(range: ByteRange, pieceSize: number): ByteRange {
  return {
    start: Math.floor(range.start / pieceSize) * pieceSize,
    end: Math.ceil(range.end / pieceSize) * pieceSize,
  };
}

function nextWake(input: PlanInput, missing: RangeSet): number | null {
  if (missing.isEmpty) return null;
  const times = input.sources
    .filter((source) => !source.offers.intersect(missing).isEmpty)
    .map((source) => Math.max(source.notBeforeMs, source.kind === 'origin' ? input.originFromMs : 0))
    .filter((time) => time > input.nowMs && Number.isFinite(time));
  return times.length === 0 ? null : Math.min(...times);
}
