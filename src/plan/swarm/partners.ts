import { setNewest } from '../../core/set-newest.ts';
import { PieceSet } from './piece-set.ts';

/** A member with whom pieces are exchanged, as this node knows it. */
export interface Partner {
  readonly id: string;
  readonly offers: PieceSet;
  /** It takes itself for a seat. */
  seat: boolean;
  /** It fetches nothing from the origin. */
  passive: boolean;
  /** It takes nothing from this node, which it says gave wrong bytes. */
  distrusts: boolean;
  /** Bytes per millisecond that owners get from the origin, as it says. */
  usualRate: number;
  heardMs: number;
  toldMs: number;
  membersToldMs: number;
  /** How many of the own pieces it was told of, in the order in which they came. */
  toldPieces: number;
  /** Requests it is working on. */
  inFlight: number;
  /** It was busy: it is not asked before this time. */
  notBeforeMs: number;
  /** Its last answer came fast: it is asked for more at once. */
  isFast: boolean;
  /** Refusals in a row; what an idler offers does not count as covered. */
  refusals: number;
}

/** How a request ended, or that it has not ended for too long. */
export type Outcome = 'ok' | 'busy' | 'failed' | 'late';

/** Whoever refuses this often in a row, and gives nothing, is no reason to leave the origin alone. */
const MAX_REFUSALS = 40;
/** A failure counts as so many refusals: what the partner said it has may be gone. */
export const FAILURE_REFUSALS = 8;
/** Refusals are remembered of so many who are no partners any more. */
const MAX_REMEMBERED = 256;

/** The partners of one node, and how many of them offer each piece. */
export class Partners {
  readonly #pieces: number;
  readonly #partners = new Map<string, Partner>();
  /** Refusals of those who were dropped: whoever comes back is no better for it. */
  readonly #refusals = new Map<string, number>();
  /** How many partners offer each piece. */
  readonly rarity: Uint16Array;

  constructor(pieces: number) {
    this.#pieces = pieces;
    this.rarity = new Uint16Array(pieces);
  }

  get size(): number {
    return this.#partners.size;
  }

  get(id: string): Partner | undefined {
    return this.#partners.get(id);
  }

  [Symbol.iterator](): IterableIterator<Partner> {
    return this.#partners.values();
  }

  /** A new partner that offers nothing yet. */
  add(id: string, nowMs: number): Partner {
    const partner: Partner = {
      id,
      offers: new PieceSet(this.#pieces),
      seat: false,
      passive: false,
      distrusts: false,
      usualRate: 0,
      heardMs: nowMs,
      toldMs: Number.NEGATIVE_INFINITY,
      membersToldMs: Number.NEGATIVE_INFINITY,
      toldPieces: 0,
      inFlight: 0,
      notBeforeMs: 0,
      isFast: false,
      refusals: this.#refusals.get(id) ?? 0,
    };
    this.#partners.set(id, partner);
    return partner;
  }

  /** Notes what a partner offers from now on; true when something is new. */
  offer(partner: Partner, have: Iterable<{ first: number; end: number }>): boolean {
    if (partner.offers.isComplete) return false;
    let isNew = false;
    for (const run of have) {
      for (const piece of partner.offers.addRun(run)) {
        this.rarity[piece] = (this.rarity[piece] as number) + 1;
        isNew = true;
      }
    }
    return isNew;
  }

  /** Forgets a partner and what it offered. */
  drop(id: string): void {
    const partner = this.#partners.get(id);
    if (partner === undefined) return;
    this.#partners.delete(id);
    this.#remember(id, partner.refusals);
    for (const piece of partner.offers) this.rarity[piece] = (this.rarity[piece] as number) - 1;
  }

  /** Notes how a request to a member ended, be it a partner still or not; how often it has refused in a row. */
  noteOutcome(id: string, outcome: Outcome): number {
    const partner = this.#partners.get(id);
    const refusals = refusalsAfter(outcome, partner?.refusals ?? this.#refusals.get(id) ?? 0);
    if (partner === undefined) this.#remember(id, refusals);
    else partner.refusals = refusals;
    return refusals;
  }

  /** Whether somebody who can be expected to give it offers a piece. */
  covers(piece: number): boolean {
    if (this.rarity[piece] === 0) return false;
    for (const partner of this) if (partner.refusals < MAX_REFUSALS && partner.offers.has(piece)) return true;
    return false;
  }

  #remember(id: string, refusals: number): void {
    if (refusals > 0) setNewest(this.#refusals, id, refusals, MAX_REMEMBERED);
    else this.#refusals.delete(id);
  }
}

function refusalsAfter(outcome: Outcome, before: number): number {
  switch (outcome) {
    case 'ok':
      return 0;
    case 'busy':
      return before + 1;
    case 'failed':
      return before + FAILURE_REFUSALS;
    case 'late':
      return Math.max(before, MAX_REFUSALS);
  }
}
