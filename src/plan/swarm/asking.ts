import {
  hedge,
  nextRequests,
  type OpenRequest,
  type PieceRequest,
  type RequestLimits,
  requestLimitsFor,
} from './next-requests.ts';
import type { Partner } from './partners.ts';
import { PieceSet } from './piece-set.ts';
import type { SwarmState } from './swarm-state.ts';

/** A busy partner that does not say when is asked again after this long; all are given up to twice their time. */
const BUSY_MS = 60;

/** A failure counts as so many refusals: what the partner said it has may be gone. It is left alone twice as long each time. */
const FAILURE_REFUSALS = 8;
const MAX_DOUBLINGS = 5;

/** How a request ended. */
export type Outcome = 'ok' | 'busy' | 'failed';

/** Which pieces a node asks its partners for, and what it has asked already. */
export class Asking {
  readonly #state: SwarmState;
  readonly #requested: PieceSet;
  readonly #start: number;
  readonly #limits: RequestLimits;
  #open: OpenRequest[] = [];
  #turn = 0;

  constructor(state: SwarmState) {
    this.#state = state;
    this.#requested = new PieceSet(state.file.pieces);
    this.#limits = requestLimitsFor(state.file.pieceSize, state.file.pieces);
    this.#start = Math.floor(state.content.random() * state.file.pieces);
  }

  /** Whether an answer is awaited. */
  get isReceiving(): boolean {
    return this.#open.length > 0;
  }

  /** Requests to make now; they count as made. */
  step(nowMs: number): PieceRequest[] {
    const { have, partners } = this.#state;
    if (have.isComplete || this.#open.length >= this.#limits.total) return [];
    const givers = this.#inTurn([...partners]);
    const inFlight = this.#open.length;
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
  ended(request: PieceRequest, outcome: Outcome, nowMs: number, retryAfterMs = BUSY_MS): void {
    const index = this.#open.findIndex((it) => it.partner === request.partner && it.first === request.first);
    if (index === -1) return;
    this.#open.splice(index, 1);
    if (!this.#open.some(({ first }) => first === request.first)) {
      for (let piece = request.first; piece < request.end; piece++) this.#requested.delete(piece);
    }
    const partner = this.#state.partners.get(request.partner);
    if (partner === undefined) return;
    partner.inFlight = Math.max(0, partner.inFlight - 1);
    if (outcome === 'ok') partner.refusals = 0;
    else
      partner.notBeforeMs = nowMs + this.#pauseMs(partner, outcome, retryAfterMs) * (1 + this.#state.content.random());
  }

  /** Open requests to a partner that is gone. */
  openTo(partner: string): PieceRequest[] {
    return this.#open.filter((request) => request.partner === partner);
  }

  #note(request: PieceRequest, nowMs: number): void {
    this.#open.push({ ...request, sinceMs: nowMs });
    for (let piece = request.first; piece < request.end; piece++) this.#requested.add(piece);
    const partner = this.#state.partners.get(request.partner) as Partner;
    partner.inFlight++;
  }

  #pauseMs(partner: Partner, outcome: 'busy' | 'failed', retryAfterMs: number): number {
    partner.refusals += outcome === 'busy' ? 1 : FAILURE_REFUSALS;
    if (outcome === 'busy') return retryAfterMs;
    return BUSY_MS * 2 ** Math.min(Math.floor(partner.refusals / FAILURE_REFUSALS), MAX_DOUBLINGS);
  }

  // Each time another partner comes first, so that the work is spread.
  #inTurn(partners: Partner[]): Partner[] {
    const at = partners.length === 0 ? 0 : this.#turn++ % partners.length;
    return [...partners.slice(at), ...partners.slice(0, at)];
  }
}
