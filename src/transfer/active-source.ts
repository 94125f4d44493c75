import type { ByteRange } from '../core/byte-range.ts';
import type { Clock } from '../core/clock.ts';
import { type NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { Piece } from '../core/pieces.ts';
import type { RangeSet } from '../core/range-set.ts';
import type { Source } from '../core/source.ts';
import type { SourceState } from '../plan/assign.ts';
import type { RunningRequest } from '../plan/refocus.ts';
import { Intake, type Span } from './intake.ts';
import type { PartFile } from './part-file.ts';
import type { SpanHead } from './piece-book.ts';

/** A source together with what it offers and how it has done so far. */
export interface Offer {
  readonly source: Source;
  readonly offers: RangeSet;
  /** The pieces the source promises, in order; null for the origin, which promises no hashes. */
  readonly pieces: readonly Piece[] | null;
}

/** Where the bytes of a request go and who hears of them. */
export interface FetchTarget {
  readonly part: PartFile;
  readonly clock: Clock;
  /** Told at every chunk. */
  readonly onBytes: (bytes: number) => void;
  /** Told of each stretch that is written and proven. */
  readonly onProven: (range: ByteRange) => void;
  /** Several requests may bring the same bytes; see intake.ts. Default: false. */
  readonly isShared?: boolean;
}

/** How one request ended. */
export interface FetchOutcome {
  readonly range: ByteRange;
  /** Bytes that came in, good or not. */
  readonly received: number;
  /** Milliseconds from the request to its first byte, and to its end; the first is null when none came. */
  readonly firstByteMs: number | null;
  readonly ms: number;
  readonly error: NearbitsError | null;
  /** It was stopped on purpose; the error says nothing about the source. */
  readonly stopped: boolean;
}

interface InFlight {
  readonly range: ByteRange;
  readonly stop: AbortController;
  /** Where the next byte belongs. */
  at: number;
}

/** One source of a running transfer: makes its requests and keeps its book. */
export class ActiveSource {
  readonly offer: Offer;
  /** Failures since the last request that brought new bytes. */
  failures = 0;
  /** Bytes received in all. */
  bytes = 0;
  notBeforeMs = 0;
  readonly #inFlight = new Set<InFlight>();
  #bytesPerSecond: number | null = null;

  constructor(offer: Offer) {
    this.offer = offer;
  }

  get id(): string {
    return this.offer.source.id;
  }

  /** The requests that run now. */
  get running(): RunningRequest[] {
    return [...this.#inFlight].map(({ range, at }) => ({ sourceId: this.id, range, at }));
  }

  /** Stops one of the {@link running} requests; what the origin sent of it is kept. */
  stop(range: ByteRange): void {
    for (const request of this.#inFlight) if (request.range === range) request.stop.abort();
  }

  /** The planner's view. */
  state(): SourceState {
    return {
      id: this.id,
      kind: this.offer.source.kind,
      offers: this.offer.offers,
      inFlight: this.#inFlight.size,
      maxInFlight: 1,
      notBeforeMs: this.notBeforeMs,
      bytesPerSecond: this.#bytesPerSecond,
    };
  }

  /** Fetches `range` into the part file; never throws. */
  async fetch(range: ByteRange, into: FetchTarget, signal: AbortSignal): Promise<FetchOutcome> {
    const spans = this.#spansOf(range, into.part);
    const head = this.#continued(range, spans, into.part);
    const asked = { start: head?.offset ?? (spans[0] as Span).start, end: (spans.at(-1) as Span).end };
    into.part.forgetHeads(asked);
    const request: InFlight = { range, stop: new AbortController(), at: asked.start };
    this.#inFlight.add(request);
    const intake = new Intake(into, spans, head);
    const timing = new Timing(into.clock);
    const sink = (chunk: Uint8Array) => {
      timing.byteCame();
      request.at += chunk.byteLength;
      into.onBytes(chunk.byteLength);
      return intake.sink(chunk);
    };
    const error = await this.#run(asked, sink, intake, AbortSignal.any([signal, request.stop.signal]));
    this.#inFlight.delete(request);
    const received = request.at - asked.start;
    this.bytes += received;
    const stopped = signal.aborted || request.stop.signal.aborted;
    const times = timing.end();
    this.#bytesPerSecond = (received * 1000) / Math.max(1, times.ms);
    return { range, received, ...times, error, stopped };
  }

  async #run(
    range: ByteRange,
    sink: Intake['sink'],
    intake: Intake,
    signal: AbortSignal,
  ): Promise<NearbitsError | null> {
    let failure: NearbitsError | null = null;
    try {
      await this.offer.source.fetch(range, sink, signal);
    } catch (error) {
      failure = toNearbitsError(error);
    }
    try {
      await intake.settle();
    } catch (error) {
      // What the intake says is the reason; the source only passed it on.
      failure = toNearbitsError(error);
    }
    return failure;
  }

  // A head counts only where the origin goes on right behind it.
  #continued(range: ByteRange, spans: readonly Span[], part: PartFile): SpanHead | null {
    if (this.offer.pieces !== null) return null;
    const head = part.heads.get((spans[0] as Span).start);
    return head?.offset === range.start ? head : null;
  }

  // A peer's pieces are asked for whole, because only whole pieces can be proven.
  #spansOf(range: ByteRange, part: PartFile): Span[] {
    const pieces = this.offer.pieces;
    if (pieces === null) return originSpans(range, part);
    return pieces
      .filter((piece) => piece.start < range.end && piece.end > range.start)
      .map((piece) => ({ start: piece.start, end: piece.end, expected: piece.hash }));
  }
}

/** Measures one request. */
class Timing {
  readonly #clock: Clock;
  readonly #startedMs: number;
  #firstByteMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  byteCame(): void {
    this.#firstByteMs ??= this.#clock.monotonicMs() - this.#startedMs;
  }

  end(): Pick<FetchOutcome, 'firstByteMs' | 'ms'> {
    return { firstByteMs: this.#firstByteMs, ms: this.#clock.monotonicMs() - this.#startedMs };
  }
}

function originSpans(range: ByteRange, part: PartFile): Span[] {
  return part.grid
    .filter((piece) => piece.start < range.end && piece.end > range.start)
    .map((piece) => ({ start: piece.start, end: piece.end, expected: null }));
}
