import type { PieceRun, PieceSet } from './piece-set.ts';

/** How much a node asks of its partners at once. */
export interface RequestLimits {
  /** Requests in flight to one partner. */
  readonly perPartner: number;
  /** Requests in flight to all of them: bounds the memory that answers need. */
  readonly total: number;
  /** Pieces in one request. */
  readonly pieces: number;
  /** Pieces in one request to a partner that is fast. */
  readonly fastPieces: number;
}

export const REQUEST_LIMITS: RequestLimits = { perPartner: 2, total: 4, pieces: 4, fastPieces: 16 };

/** Bytes of a usual request for pieces, unless a single piece has more: short answers, so that many neighbours take turns. */
export const USUAL_REQUEST_BYTES = 4 * 1024 * 1024;

/**
 * Bytes of any request, unless a single piece has more. So much is asked of a partner that gives {@link FAST} bytes in a
 * ms: its answers are short anyway, and asking for 4 MiB at a time costs both ends a tenth more.
 */
export const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
/** 4 MiB in 50 ms: 84 MB/s in one answer, of two at a time. A partner that serves others too hardly reaches it. */
export const FAST = 84_000;

/** Answers hold this much in memory, because a piece is written only when it is proven; two are asked for at once in any case. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** Pieces of one request: so many receipts (190 characters each) fit the head of an answer. */
export const MAX_REQUEST_PIECES = 16;

/** A request takes at most this part of a file: else the first few take all of it from one giver, before they can share. */
const MOST_PART = 1 / 16;

/** The limits for a file that is cut in so many pieces of `pieceSize` bytes. */
export function requestLimitsFor(pieceSize: number, pieces: number): RequestLimits {
  const fitting = (bytes: number) =>
    Math.max(1, Math.min(MAX_REQUEST_PIECES, Math.floor(bytes / pieceSize), Math.floor(pieces * MOST_PART)));
  const total = Math.max(2, Math.min(REQUEST_LIMITS.total, Math.floor(MAX_HELD_BYTES / pieceSize)));
  return { ...REQUEST_LIMITS, total, pieces: fitting(USUAL_REQUEST_BYTES), fastPieces: fitting(MAX_REQUEST_BYTES) };
}

/** What is known of a partner that may be asked. */
export interface Giver {
  readonly id: string;
  readonly offers: PieceSet;
  readonly inFlight: number;
  readonly notBeforeMs: number;
  /** Whether its last answer came fast. */
  readonly isFast: boolean;
}

/** The facts of one moment. */
export interface RequestFacts<T extends Giver> {
  readonly nowMs: number;
  readonly have: PieceSet;
  /** Pieces that were asked for, of a partner or the origin, and have not come yet. */
  readonly requested: PieceSet;
  readonly givers: readonly T[];
  /** How many partners offer each piece. */
  readonly rarity: ArrayLike<number>;
  /** Where this node begins among equally rare pieces; different on each, so that neighbours fetch different ones. */
  readonly start: number;
  readonly inFlight: number;
}

/** Pieces to ask a partner for. */
export interface PieceRequest extends PieceRun {
  readonly partner: string;
}

/**
 * What to ask whom, now: rarest first, then in the order of the file from `start` on. The caller counts the requests
 * in before it asks again. Each giver gets one request at a time, so that all are asked before any is asked twice.
 */
export function nextRequests<T extends Giver>(facts: RequestFacts<T>, limits: RequestLimits): PieceRequest[] {
  const requests: PieceRequest[] = [];
  const taken: number[] = [];
  for (let round = 0; round < limits.perPartner && !isFull(); round++) {
    for (const giver of facts.givers) {
      if (isFull()) break;
      if (giver.notBeforeMs > facts.nowMs || giver.inFlight !== round) continue;
      const first = rarest(giver.offers, facts);
      if (first === null) continue;
      const run = { first, end: endOf(first, giver.offers, facts, giver.isFast ? limits.fastPieces : limits.pieces) };
      for (let piece = run.first; piece < run.end; piece++) {
        facts.requested.add(piece);
        taken.push(piece);
      }
      requests.push({ partner: giver.id, ...run });
    }
  }
  // The set belongs to the caller, who notes each request that is really made.
  for (const piece of taken) facts.requested.delete(piece);
  return requests;

  function isFull(): boolean {
    return facts.inFlight + requests.length >= limits.total;
  }
}

/** The piece that the fewest offer among those that a giver has and nobody was asked for. */
function rarest<T extends Giver>(offers: PieceSet, facts: RequestFacts<T>): number | null {
  const { have, requested, rarity, start } = facts;
  let best: number | null = null;
  let bestRank = Number.POSITIVE_INFINITY;
  for (let word = 0; word < offers.words.length; word++) {
    let bits = (offers.words[word] as number) & ~(have.words[word] as number) & ~(requested.words[word] as number);
    while (bits !== 0) {
      const piece = word * 32 + (31 - Math.clz32(bits & -bits));
      bits &= bits - 1;
      const ahead = (piece - start + offers.length) % offers.length;
      const rank = (rarity[piece] as number) * offers.length + ahead;
      if (rank < bestRank) {
        best = piece;
        bestRank = rank;
      }
    }
  }
  return best;
}

// Pieces that follow and are just as common come along: one request costs less than four.
function endOf<T extends Giver>(first: number, offers: PieceSet, facts: RequestFacts<T>, most: number): number {
  let end = first + 1;
  while (
    end < offers.length &&
    end - first < most &&
    offers.has(end) &&
    !facts.have.has(end) &&
    !facts.requested.has(end) &&
    (facts.rarity[end] as number) >= (facts.rarity[first] as number)
  ) {
    end++;
  }
  return end;
}

/** A request that has not been answered yet. */
export interface OpenRequest extends PieceRequest {
  readonly sinceMs: number;
}

/** A request that is open for this long may be made a second time, of somebody else. */
export const HEDGE_AFTER_MS = 1_000;

/**
 * The end game: when nothing is left to ask for, the oldest open request is made once more of an idle partner that
 * offers the same. Only neighbours are asked twice, never the origin, and nothing is asked for a third time.
 */
export function hedge<T extends Giver>(
  open: readonly OpenRequest[],
  facts: RequestFacts<T>,
  limits: RequestLimits,
): PieceRequest | null {
  if (facts.inFlight >= limits.total) return null;
  const copies = (request: PieceRequest) => open.filter(({ first }) => first === request.first).length;
  const slow = open
    .filter((request) => facts.nowMs - request.sinceMs >= HEDGE_AFTER_MS && copies(request) === 1)
    .sort((a, b) => a.sinceMs - b.sinceMs);
  for (const { first, end, partner } of slow) {
    const giver = facts.givers.find(
      (it) => it.id !== partner && it.inFlight === 0 && it.notBeforeMs <= facts.nowMs && hasAll(it.offers, first, end),
    );
    if (giver !== undefined) return { partner: giver.id, first, end };
  }
  return null;
}

function hasAll(offers: PieceSet, first: number, end: number): boolean {
  for (let piece = first; piece < end; piece++) if (!offers.has(piece)) return false;
  return true;
}
