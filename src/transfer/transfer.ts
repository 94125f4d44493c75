import type { ByteRange } from '../core/byte-range.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { RangeSet } from '../core/range-set.ts';
import type { SourceKind } from '../core/source.ts';
import { printBytes } from '../core/units.ts';
import { afterFailure } from '../plan/after-failure.ts';
import { type Assignment, alignToPieces, type PlanInput, planAssignments } from '../plan/assign.ts';
import { requestsToStop } from '../plan/refocus.ts';
import { ActiveSource, type FetchOutcome, type FetchTarget, type Offer } from './active-source.ts';
import { headBytes, type PartFile } from './part-file.ts';
import type { Note } from './trace.ts';

/** One request to a peer asks for at most this much, so that a holder that is found later still gets its share. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
/** One request to the origin asks for at most this much: there a request costs more, and nobody waits for a share. */
const MAX_ORIGIN_REQUEST_BYTES = 64 * 1024 * 1024;

/** Bytes received so far, by the kind of their source. */
export type ReceivedBytes = Readonly<Record<SourceKind, number>>;

/** What a transfer works with. */
export interface TransferDeps {
  readonly part: PartFile;
  readonly clock: Clock;
  readonly note: Note;
  /** Told at every chunk, so it must be cheap. */
  readonly onProgress: () => void;
  /** Told once for each peer that is given up, so that the roster can learn from it. */
  readonly onPeerFailed: (id: string, error: NearbitsError) => void;
  /** Told of each stretch of wanted bytes that is written and proven. */
  readonly onProven?: (range: ByteRange) => void;
}

/** What a transfer shall fetch, and what first. All offsets count in the origin file. */
export interface Focus {
  /** Nothing but these bytes, and those of the same pieces that prove them; null for all that is wanted. */
  readonly only: RangeSet | null;
  /** Missing bytes at or behind this offset come first, then those before it. 0 when nobody reads the file meanwhile. */
  readonly position: number;
}

/** How patient a transfer is. */
export interface TransferOptions {
  /** How often the origin may fail in a row without a new byte. */
  readonly originRetries: number;
  /** Whether the origin answers ranges; one that does not is asked once for all that is left. */
  readonly originServesRanges: boolean;
}

/**
 * Drives the sources of one file until every wanted byte is proven. Sources may
 * be added while it runs, and the focus may move; what they do next is the planner's decision alone.
 */
export class Transfer {
  readonly #deps: TransferDeps;
  readonly #options: TransferOptions;
  readonly #sources = new Map<string, ActiveSource>();
  readonly #running = new Set<Promise<void>>();
  readonly #received = { cache: 0, peer: 0, origin: 0 };
  #originFromMs: number;
  #only: RangeSet | null = null;
  #position = 0;
  #searching = false;
  #lastError: NearbitsError | null = null;
  #fatal: NearbitsError | null = null;
  #changed = Promise.withResolvers<void>();

  constructor(deps: TransferDeps, options: TransferOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#originFromMs = Number.POSITIVE_INFINITY;
  }

  /** Adds a source, or replaces what one with the same id offers. */
  add(offer: Offer): void {
    if (this.#sources.has(offer.source.id)) return;
    this.#sources.set(offer.source.id, new ActiveSource(offer));
    const { kind, id } = offer.source;
    const name = kind === 'peer' ? `the neighbour ${id}` : `the ${kind}`;
    this.#deps.note('SOURCE_ADDED', `${name} offers ${printBytes(offer.offers.size)}`, {
      source: id,
      kind,
      bytes: offer.offers.size,
    });
    this.#touch();
  }

  /** Lets the origin start at this monotonic time, or later when that is moved. */
  allowOriginFrom(monotonicMs: number): void {
    this.#originFromMs = monotonicMs;
    this.#touch();
  }

  /**
   * Changes what is fetched and what first. A request that brings what nobody wants any more is stopped, and so is one
   * that keeps a source from what a reader needs next; no byte that was written is lost.
   */
  focus({ only, position }: Focus): void {
    this.#only = only === null ? null : this.#deps.part.widen(only);
    this.#position = position;
    const plan = this.#planInput();
    const running = [...this.#sources.values()].flatMap((source) => source.running);
    const unproven = this.#missing;
    const focus = this.#only ?? this.#deps.part.wanted;
    for (const { sourceId, range } of requestsToStop({ plan, focus, unproven, running })) {
      this.#sources.get(sourceId)?.stop(range);
    }
    this.#touch();
  }

  /** While a search goes on, having no source is no reason to give up. */
  set searching(searching: boolean) {
    this.#searching = searching;
    this.#touch();
  }

  /** Whether a peer is still there that offers something missing. */
  get hasPeers(): boolean {
    return [...this.#sources.values()].some((source) => source.offer.source.kind === 'peer');
  }

  get received(): ReceivedBytes {
    return { ...this.#received };
  }

  /** Ids of the peers that gave bytes. */
  get givers(): string[] {
    return [...this.#sources.values()]
      .filter((it) => it.offer.source.kind === 'peer' && it.bytes > 0)
      .map((it) => it.id);
  }

  /**
   * Runs until everything in focus is proven; it may be called again after that.
   * @throws NearbitsError the reason why it cannot be completed: a fatal one at once, else the last one when no source is left.
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    try {
      await this.#loop(either);
    } finally {
      stop.abort();
      await Promise.all(this.#running);
    }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    while (!this.#missing.isEmpty) {
      signal.throwIfAborted();
      if (this.#fatal !== null) throw this.#fatal;
      this.#changed = Promise.withResolvers();
      const plan = planAssignments(this.#planInput());
      for (const assignment of plan.assignments) this.#start(assignment, signal);
      if (plan.stuck && !this.#searching) throw this.#lastError ?? noSource();
      await this.#wait(plan.wakeAtMs, signal);
    }
  }

  /** What is in focus and not proven. */
  get #missing(): RangeSet {
    const { missing } = this.#deps.part;
    return this.#only === null ? missing : missing.intersect(this.#only);
  }

  #planInput(): PlanInput {
    const { part, clock } = this.#deps;
    const sources = [...this.#sources.values()];
    const busy = sources.flatMap((source) => source.running.map(({ range }) => alignToPieces(range, part.pieceSize)));
    return {
      nowMs: clock.monotonicMs(),
      missing: this.#missing.subtract(RangeSet.of(...busy)),
      heads: headBytes(part.heads),
      sources: sources.map((source) => source.state()),
      originFromMs: this.#originFromMs,
      pieceSize: part.pieceSize,
      maxRequestBytes: MAX_REQUEST_BYTES,
      maxOriginRequestBytes: this.#options.originServesRanges ? MAX_ORIGIN_REQUEST_BYTES : Number.POSITIVE_INFINITY,
      position: this.#position,
    };
  }

  #start({ sourceId, range }: Assignment, signal: AbortSignal): void {
    const source = this.#sources.get(sourceId) as ActiveSource;
    this.#deps.note('FETCH', `asking ${sourceId} for bytes ${range.start} to ${range.end - 1}`, {
      source: sourceId,
      ...range,
    });
    const work = source
      .fetch(range, this.#targetOf(source), signal)
      .then((outcome) => this.#finished(source, outcome))
      .finally(() => {
        this.#running.delete(work);
        this.#touch();
      });
    this.#running.add(work);
  }

  #targetOf({ offer }: ActiveSource): FetchTarget {
    const { part, clock } = this.#deps;
    const { kind } = offer.source;
    const onBytes = (bytes: number) => {
      this.#received[kind] += bytes;
      this.#deps.onProgress();
    };
    return { part, clock, onBytes, onProven: (range) => this.#proven(range) };
  }

  // A neighbour's piece may reach beyond what is wanted.
  #proven(range: ByteRange): void {
    for (const wanted of RangeSet.of(range).intersect(this.#deps.part.wanted).ranges) this.#deps.onProven?.(wanted);
  }

  #finished(source: ActiveSource, outcome: FetchOutcome): void {
    const { error: _, stopped, range, ...facts } = outcome;
    const data = { source: source.id, ...range, ...facts };
    this.#deps.onProgress();
    if (outcome.error === null) {
      source.failures = 0;
      this.#deps.note('FETCHED', `${source.id} gave ${printBytes(outcome.received)}`, data);
      return;
    }
    if (stopped) return;
    this.#failed(source, outcome.error, outcome.received > 0, data);
  }

  #failed(source: ActiveSource, error: NearbitsError, progressed: boolean, data: Record<string, unknown>): void {
    source.failures = progressed ? 1 : source.failures + 1;
    this.#lastError = error;
    const kind = source.offer.source.kind;
    const verdict = afterFailure({
      kind,
      error,
      failures: source.failures,
      originRetries: this.#options.originRetries,
    });
    this.#deps.note('FETCH_FAILED', `${source.id}: ${error.message}`, {
      ...data,
      code: error.code,
      verdict: verdict.action,
    });
    if (verdict.action === 'give-up') this.#fatal = error;
    else if (verdict.action === 'wait') source.notBeforeMs = this.#deps.clock.monotonicMs() + verdict.delayMs;
    else this.#remove(source, error);
  }

  #remove(source: ActiveSource, error: NearbitsError): void {
    this.#sources.delete(source.id);
    this.#deps.note('SOURCE_REMOVED', `${source.id} is not asked again for this file`, {
      source: source.id,
      code: error.code,
    });
    if (source.offer.source.kind === 'peer') this.#deps.onPeerFailed(source.id, error);
  }

  async #wait(wakeAtMs: number | null, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const aborted = () => this.#changed.resolve();
    signal.addEventListener('abort', aborted, { once: true });
    const timer = wakeAtMs === null ? null : clock.after(Math.max(0, wakeAtMs - clock.monotonicMs()), aborted);
    await this.#changed.promise;
    timer?.cancel();
    signal.removeEventListener('abort', aborted);
  }

  #touch(): void {
    this.#changed.resolve();
  }
}

function noSource(): NearbitsError {
  return new NearbitsError('E_ORIGIN_UNREACHABLE', 'neither the origin nor a neighbour can deliver the file', {
    hint: 'Check the connection to the origin, or run `nearbits peers --discover` to look for neighbours.',
  });
}
