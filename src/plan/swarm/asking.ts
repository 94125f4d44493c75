import {
  FAST,
  hedge,
  nextRequests,
  type OpenRequest,
  type PieceRequest,
  type RequestLimits,
  requestLimitsFor,
  USUAL_REQUEST_BYTES,
} from './next-requests.ts';
import { FAILURE_REFUSALS, type Outcome, type Partner } from './partners.ts';
import { PieceSet } from './piece-set.ts';
import type { SwarmState } from './swarm-state.ts';

/** A busy partner that does not say when is asked again after this long; all are given up to twice their time. */
const BUSY_MS = 60;
/** And whatever it says, after this long: until it has refused often enough, the origin is left alone for what it has. */
const MAX_BUSY_MS = 1_000;

/**
 * Where only the whole can be proven, holders give it to few at a time. Who waits while others are served is no reason to
 * ask the origin: for a minute, and as long as the file takes at 1 MiB/s, however often it is told to come again.
 */
const QUEUE_MS = 60_000;
const QUEUE_MS_PER_BYTE = 1_000 / (1024 * 1024);
/** Others are served while somebody got bytes within this time. */
const SERVED_MS = 5_000;
/** Who waits in a queue asks this often at most; all are given up to twice their time. */
const QUEUED_MS = 250;

/** It is left alone twice as long after each failure. */
const MAX_DOUBLINGS = 5;

/**
 * An answer that takes longer than this is late: 4 MiB at 140 KB/s, or one piece where that is more. It may go on, but
 * neither the origin nor anybody else is spared for its sake.
 */
const LATE_MS = 30_000;

/** Which pieces a node asks its partners for, and what it has asked already. */
export class Asking {
  readonly #state: SwarmState;
  readonly #requested: PieceSet;
  readonly #start: number;
  readonly #limits: RequestLimits;
  readonly #lateMs: number;
  #open: OpenRequest[] = [];
  #turn = 0;
  /** Since when this node waits in the queues of holders. */
  #queuedMs: number | null = null;

  constructor(state: SwarmState) {
    this.#state = state;
    this.#requested = new PieceSet(state.file.pieces);
    this.#limits = requestLimitsFor(state.file.pieceSize, state.file.pieces);
    this.#lateMs = LATE_MS * Math.max(1, state.file.pieceSize / USUAL_REQUEST_BYTES);
    this.#start = Math.floor(state.content.random() * state.file.pieces);
  }

  /** Whether an answer is awaited that is not late. */
  isReceiving(nowMs: number): boolean {
    return this.#inTime(nowMs) > 0;
  }

  /** Requests to make now; they count as made. */
  step(nowMs: number): PieceRequest[] {
    const { have, partners } = this.#state;
    const late = this.#noteLate(nowMs);
    const inFlight = this.#inTime(nowMs);
    if (have.isComplete || inFlight >= this.#limits.total) return [];
    const givers = this.#inTurn([...partners].filter(({ id }) => !late.has(id)));
    const facts = {
      nowMs,
      have,
      requested: this.#requested,
      givers,
      rarity: partners.rarity,
      start: this.#start,
      inFlight,
    };
    const requests = nextRequests(facts, this.#limits);
    if (requests.length === 0) {
      const again = hedge(this.#open, facts, this.#limits);
      if (again !== null) requests.push(again);
    }
    for (const request of requests) this.#note(request, nowMs);
    return requests;
  }

  /** A request ended: its pieces may be asked for again, unless they arrived or another request for them is open. */
  ended(request: PieceRequest, outcome: Exclude<Outcome, 'late'>, nowMs: number, retryAfterMs = BUSY_MS): void {
    const index = this.#open.findIndex((it) => it.partner === request.partner && it.first === request.first);
    if (index === -1) return;
    const [{ sinceMs }] = this.#open.splice(index, 1) as [OpenRequest];
    if (!this.#open.some(({ first }) => first === request.first)) {
      for (let piece = request.first; piece < request.end; piece++) this.#requested.delete(piece);
    }
    const { partners, content } = this.#state;
    const isQueued = outcome === 'busy' && this.#isQueued(nowMs);
    const refusals = isQueued ? 0 : partners.noteOutcome(request.partner, outcome);
    if (outcome === 'ok') this.#queuedMs = null;
    const partner = partners.get(request.partner);
    if (partner === undefined) return;
    partner.inFlight = Math.max(0, partner.inFlight - 1);
    if (outcome === 'ok') {
      partner.isFast = (request.end - request.first) * this.#state.file.pieceSize >= FAST * (nowMs - sinceMs);
      return;
    }
    const busyMs = Math.min(Math.max(retryAfterMs, isQueued ? QUEUED_MS : 0), MAX_BUSY_MS);
    partner.notBeforeMs = nowMs + (outcome === 'busy' ? busyMs : pauseAfterFailure(refusals)) * (1 + content.random());
  }

  #isQueued(nowMs: number): boolean {
    const { content, pulseMs } = this.#state;
    if (content.anchored || nowMs - pulseMs > SERVED_MS) return false;
    this.#queuedMs ??= nowMs;
    return nowMs - this.#queuedMs < QUEUE_MS + QUEUE_MS_PER_BYTE * content.size;
  }

  #note(request: PieceRequest, nowMs: number): void {
    this.#open.push({ ...request, sinceMs: nowMs });
    for (let piece = request.first; piece < request.end; piece++) this.#requested.add(piece);
    const partner = this.#state.partners.get(request.partner) as Partner;
    partner.inFlight++;
  }

  #inTime(nowMs: number): number {
    return this.#open.filter((request) => !this.#isLate(request, nowMs)).length;
  }

  #isLate({ sinceMs }: OpenRequest, nowMs: number): boolean {
    return nowMs - sinceMs > this.#lateMs;
  }

  /** Who owes an answer that is late, and is asked for nothing more until it has come. */
  #noteLate(nowMs: number): Set<string> {
    const late = new Set(this.#open.filter((request) => this.#isLate(request, nowMs)).map(({ partner }) => partner));
    for (const id of late) this.#state.partners.noteOutcome(id, 'late');
    return late;
  }

  // Each time another partner comes first, so that the work is spread.
  #inTurn(partners: Partner[]): Partner[] {
    const at = partners.length === 0 ? 0 : this.#turn++ % partners.length;
    return [...partners.slice(at), ...partners.slice(0, at)];
  }
}

function pauseAfterFailure(refusals: number): number {
  return BUSY_MS * 2 ** Math.min(Math.floor(refusals / FAILURE_REFUSALS), MAX_DOUBLINGS);
}
