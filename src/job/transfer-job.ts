import type { Clock } from '../core/clock.ts';
import type { NearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { TransferId } from '../core/ids.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Note } from '../transfer/trace.ts';
import type { ReceivedBytes } from '../transfer/transfer.ts';
import { type ErrorView, isFinal, type TraceEntry, type TransferRequest, type TransferView } from './view.ts';

/** A trace keeps its first and its newest entries; what lies between is counted. */
const MAX_TRACE_HEAD = 200;
const MAX_TRACE_TAIL = 300;
/** Progress is told at most this often. */
const PROGRESS_INTERVAL_MS = 100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One transfer while it lives in memory: what was asked, how far it is, and why things happened. */
export class TransferJob {
  readonly id: TransferId;
  readonly request: TransferRequest;
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #view: Mutable<TransferView>;
  readonly #head: TraceEntry[];
  readonly #tail: TraceEntry[] = [];
  #skipped = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    deps: { readonly clock: Clock; readonly emit: EmitEvent },
    request: TransferRequest,
    view: TransferView,
    trace: readonly TraceEntry[] = [],
  ) {
    this.id = view.id as TransferId;
    this.request = request;
    this.#clock = deps.clock;
    this.#emit = deps.emit;
    this.#view = { ...view };
    this.#head = [...trace];
  }

  /** A copy of how it stands. */
  view(): TransferView {
    return { ...this.#view };
  }

  /** What was decided and why, in order. */
  trace(): TraceEntry[] {
    if (this.#skipped === 0) return [...this.#head, ...this.#tail];
    const gap = {
      atMs: this.#clock.wallMs(),
      code: 'SKIPPED',
      text: `${this.#skipped} entries are left out`,
      data: {},
    };
    return [...this.#head, gap, ...this.#tail];
  }

  /** Adds a decision or a fact to the trace. */
  readonly note: Note = (code, text, data = {}) => {
    const entry = { atMs: this.#clock.wallMs(), code, text, data };
    if (this.#head.length < MAX_TRACE_HEAD) this.#head.push(entry);
    else this.#tail.push(entry);
    if (this.#tail.length <= MAX_TRACE_TAIL) return;
    this.#tail.shift();
    this.#skipped++;
  };

  started(): void {
    this.#view.state = 'running';
    this.#view.startedMs ??= this.#clock.wallMs();
    this.#emit({ type: 'transfer.started', transferId: this.id, url: this.request.url });
  }

  /** The origin, or a neighbour in its place, named the version. */
  versionKnown(version: FileVersion | null, bytesTotal: number | null): void {
    this.#view.version = version;
    this.#view.bytesTotal = bytesTotal;
  }

  /** Bytes came in; told to observers at most ten times a second. */
  progress(received: ReceivedBytes, bytesDone: number): void {
    this.#view.bytesDone = bytesDone;
    this.#view.bytesFromPeers = received.peer;
    this.#view.bytesFromOrigin = received.origin;
    this.#view.bytesFromCache = received.cache;
    const now = this.#clock.monotonicMs();
    if (now - this.#toldAtMs < PROGRESS_INTERVAL_MS) return;
    this.#toldAtMs = now;
    this.#tellProgress();
  }

  completed(sha256: string | null): void {
    this.#view.sha256 = sha256;
    this.#tellProgress();
    this.#finish('completed');
    this.note('COMPLETED', `the file is complete at ${this.request.destination}`);
    this.#emit({ type: 'transfer.completed', transferId: this.id });
  }

  failed(error: NearbitsError): void {
    const cancelled = error.code === 'E_CANCELLED';
    this.#view.error = errorView(error);
    this.#finish(cancelled ? 'cancelled' : 'failed');
    this.notShared(cancelled ? 'the transfer was cancelled' : 'the transfer failed');
    this.note(cancelled ? 'CANCELLED' : 'FAILED', error.message, { code: error.code });
    this.#emit({ type: 'transfer.failed', transferId: this.id, code: error.code, message: error.message });
  }

  shared(): void {
    this.#view.sharing = 'shared';
    this.#view.sharingReason = null;
  }

  notShared(reason: string): void {
    this.#view.sharing = 'not-shared';
    this.#view.sharingReason = reason;
  }

  get isFinal(): boolean {
    return isFinal(this.#view.state);
  }

  #finish(state: 'completed' | 'failed' | 'cancelled'): void {
    this.#view.state = state;
    this.#view.finishedMs = this.#clock.wallMs();
  }

  #tellProgress(): void {
    const { bytesDone, bytesTotal, bytesFromPeers, bytesFromOrigin, bytesFromCache } = this.#view;
    const bytes = { bytesDone, bytesTotal, bytesFromPeers, bytesFromOrigin, bytesFromCache };
    this.#emit({ type: 'transfer.progress', transferId: this.id, ...bytes });
  }
}

/** The view of a transfer that was just asked for. */
export function newView(id: TransferId, request: TransferRequest, nowMs: number): TransferView {
  return {
    id,
    url: request.url,
    destination: request.destination,
    ranges: request.ranges ?? null,
    state: 'queued',
    sharing: 'pending',
    sharingReason: null,
    bytesTotal: null,
    bytesDone: 0,
    bytesFromPeers: 0,
    bytesFromOrigin: 0,
    bytesFromCache: 0,
    version: null,
    sha256: null,
    priority: request.priority,
    createdMs: nowMs,
    startedMs: null,
    finishedMs: null,
    error: null,
  };
}

/** An error as programs and people outside read it. */
function errorView(error: NearbitsError): ErrorView {
  return { code: error.code, message: error.message, hint: error.hint ?? null, details: { ...error.details } };
}
