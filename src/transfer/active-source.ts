import type { ByteRange } from '../core/byte-range.ts';
import type { Clock } from '../core/clock.ts';
import { type NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { Piece } from '../core/pieces.ts';
import type { RangeSet } from '../core/range-set.ts';
import type { Source } from '../core/source.ts';
import type { SourceState } from '../plan/assign.ts';
import { Intake, type Span, type SpanHead } from './intake.ts';
import type { PartFile } from './part-file.ts';

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
  /** Spans that the origin began and did not finish, by their start. */
  readonly heads: Map<number, SpanHead>;
  readonly clock: Clock;
  readonly onBytes: (bytes: number) => void;
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
}

/** One source of a running transfer: makes its requests and keeps its book. */
export class ActiveSource {
  readonly offer: Offer;
  /** Failures since the last request that brought new bytes. */
  failures = 0;
  /** Bytes received in all. */
  bytes = 0;
  notBeforeMs = 0;
  readonly #inFlight = new Set<ByteRange>();

  constructor(offer: Offer) {
    this.offer = offer;
  }

  get id(): string {
    return this.offer.source.id;
  }

  get inFlight(): readonly ByteRange[] {
    return [...this.#inFlight];
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
    };
  }

  /** Fetches `range` into the part file; never throws. */
  async fetch(range: ByteRange, into: FetchTarget, signal: AbortSignal): Promise<FetchOutcome> {
    const { part, heads, clock, onBytes } = into;
    this.#inFlight.add(range);
    const spans = this.#spansOf(range, part);
    const head = takeHead(range, spans, heads, this.offer.pieces === null);
    const intake = new Intake(part, spans, head);
    const asked = { start: head?.offset ?? (spans[0] as Span).start, end: (spans.at(-1) as Span).end };
    const startedMs = clock.monotonicMs();
    let firstByteMs: number | null = null;
    let received = 0;
    const sink = (chunk: Uint8Array) => {
      firstByteMs ??= clock.monotonicMs() - startedMs;
      received += chunk.byteLength;
      onBytes(chunk.byteLength);
      return intake.sink(chunk);
    };
    const error = await this.#run(asked, sink, intake, signal);
    this.#keepHead(intake, spans, heads);
    this.#inFlight.delete(range);
    this.bytes += received;
    return { range, received, firstByteMs, ms: clock.monotonicMs() - startedMs, error };
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

  // Only the origin's bytes may be continued by another request: If-Range proves that both are of one version.
  #keepHead(intake: Intake, spans: readonly Span[], heads: Map<number, SpanHead>): void {
    if (this.offer.pieces !== null) return;
    const head = intake.head();
    const span = head && spans.find((candidate) => candidate.start < head.offset && head.offset < candidate.end);
    if (head && span) heads.set(span.start, head);
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

/**
 * The begun span that this request continues, or null. All heads of the spans
 * are forgotten: this request may overwrite the bytes they stand for.
 */
function takeHead(
  range: ByteRange,
  spans: readonly Span[],
  heads: Map<number, SpanHead>,
  continues: boolean,
): SpanHead | null {
  const head = heads.get((spans[0] as Span).start) ?? null;
  for (const span of spans) heads.delete(span.start);
  return continues && head?.offset === range.start ? head : null;
}

function originSpans(range: ByteRange, part: PartFile): Span[] {
  return part.grid
    .filter((piece) => piece.start < range.end && piece.end > range.start)
    .map((piece) => ({ start: piece.start, end: piece.end, expected: null }));
}
