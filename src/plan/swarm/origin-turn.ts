import { piecesOf, runOf } from './file-runs.ts';
import { givesUpWaiting, type SwarmPatience } from './followers.ts';
import type { Lease } from './leases.ts';
import { type Claim, nextRun, yieldsTo } from './next-run.ts';
import { PieceSet } from './piece-set.ts';
import { type SeatAnswers, Settling } from './settling.ts';
import type { SwarmState } from './swarm-state.ts';
import { memberSeed, type Ranked } from './weight.ts';

/** An owner that was late leaves the origin to others for this long. */
const SLOW_PAUSE_MS = 30_000;

/** What to do about the origin now. */
export type OriginStep = 'keep' | 'stop' | Claim;

/** When it is a node's turn to fetch from the origin, and when it stops again. At most one request runs at a time. */
export class OriginTurn {
  readonly #state: SwarmState;
  readonly #patience: SwarmPatience;
  readonly #jitter: number;
  readonly #settling = new Settling();
  /** The running request is for this node alone, whose patience is over: it yields to nobody. */
  #isAlone = false;
  /** Others took over from this node: until then it fetches nothing but what it misses itself at the end of its patience. */
  #slowUntilMs = 0;
  /** The origin failed: not before this time. */
  notBeforeMs = 0;
  /** Policy forbids it. */
  isForbidden = false;

  constructor(state: SwarmState, patience: SwarmPatience) {
    this.#state = state;
    this.#patience = patience;
    this.#jitter = state.content.random();
  }

  /** Whether this node fetches nothing for others now: it cannot, or was too slow for them a moment ago. */
  isPassive(nowMs: number): boolean {
    return this.isBarred(nowMs) || nowMs < this.#slowUntilMs;
  }

  /** Whether this node cannot fetch from the origin now, whatever it misses. */
  isBarred(nowMs: number): boolean {
    return this.isForbidden || nowMs < this.notBeforeMs;
  }

  /** Decides; a claim becomes this node's lease at once. */
  step(nowMs: number, seats: SeatAnswers, receiving: boolean): OriginStep {
    const { leases, view, have } = this.#state;
    const isSeat = view.isSeat(view.self.id);
    this.#settling.note(isSeat ? view.seats : null, nowMs);
    if (leases.renew(view.self.id, nowMs) !== null) {
      const rival = this.#isAlone ? null : this.#rival(nowMs);
      return rival === null ? 'keep' : this.#stop(rival, nowMs);
    }
    if (have.isComplete || this.isBarred(nowMs)) return 'keep';
    const claim = this.#claim(nowMs, isSeat && this.#settling.isOver(seats, nowMs), receiving);
    if (claim === null) return 'keep';
    const position = claim.first * this.#state.file.pieceSize;
    leases.hear(view.self.id, { ...claim, position, ageMs: 0 }, nowMs);
    return claim;
  }

  /** Bytes came from the origin: the lease goes on. */
  progressed(position: number, nowMs: number): void {
    const { leases, view } = this.#state;
    const mine = leases.renew(view.self.id, nowMs);
    if (mine === null) return;
    if (position > mine.position) this.#state.pulseMs = nowMs;
    leases.hear(view.self.id, { ...mine, position, ageMs: nowMs - mine.sinceMs }, nowMs);
  }

  /** The request ended, well or not. */
  ended(nowMs: number): void {
    this.#state.leases.hear(this.#state.view.self.id, null, nowMs);
  }

  #claim(nowMs: number, mayOwn: boolean, receiving: boolean): Claim | null {
    const { gainedMs, pulseMs } = this.#state;
    const facts = { nowMs, gainedMs, pulseMs, receiving, jitter: this.#jitter };
    this.#isAlone = givesUpWaiting(facts, this.#patience);
    if (this.#isAlone) return this.#firstMissing();
    return mayOwn && !this.#state.passive ? this.#ownRun(nowMs) : null;
  }

  #ownRun(nowMs: number): Claim | null {
    const { file, view, leases, have, partners, content } = this.#state;
    // As a set, because thousands of pieces are looked up in it.
    const leased = PieceSet.of(file.pieces, leases.live(nowMs));
    const isUncovered = (piece: number) => !have.has(piece) && !leased.has(piece) && !partners.covers(piece);
    const told = [...partners].map(({ usualRate }) => usualRate);
    const isTaken = (lease: Lease) =>
      leases.rivals(lease.holder, nowMs).some((it) => it.takenOver && it.sinceMs > lease.sinceMs);
    const late = leases.late(nowMs, told).filter((lease) => !isTaken(lease));
    const claim = nextRun({ file, self: view.self, idle: this.#idleSeats(nowMs), isUncovered, late });
    if (claim === null || !claim.takenOver || content.anchored) return claim;
    // What a late owner has of such a file is of use to nobody else.
    const missing = this.#firstMissing();
    return missing === null ? null : { ...missing, takenOver: true };
  }

  /** Seats that could begin something now. */
  #idleSeats(nowMs: number): Ranked[] {
    const { view, leases, partners } = this.#state;
    return view.seats.filter(({ id }) => {
      if (id === view.self.id) return true;
      const partner = partners.get(id);
      // One that does not know that it is a seat would never begin.
      if (partner === undefined || !partner.seat || partner.passive || partner.offers.isComplete) return false;
      return leases.of(id, nowMs) === null;
    });
  }

  #firstMissing(): Claim | null {
    const { file, have } = this.#state;
    for (let first = 0; first < file.pieces; first++) {
      if (have.has(first)) continue;
      const last = piecesOf(runOf(first, file), file).end;
      let end = first + 1;
      while (end < last && !have.has(end)) end++;
      return { first, end, takenOver: false };
    }
    return null;
  }

  #rival(nowMs: number): Lease | null {
    const { leases, view, file, content } = this.#state;
    const mine = leases.of(view.self.id, nowMs);
    if (mine === null) return null;
    const wins = (theirs: Lease) => {
      const other = { id: theirs.holder, seed: memberSeed(content.contentId, theirs.holder) };
      return yieldsTo(mine, theirs, { mine: view.self, theirs: other }, file);
    };
    return leases.rivals(view.self.id, nowMs).find(wins) ?? null;
  }

  // Whoever was too slow for the others is not the next to begin: it would be too slow again.
  #stop(rival: Lease, nowMs: number): 'stop' {
    this.ended(nowMs);
    if (rival.takenOver) this.#slowUntilMs = nowMs + SLOW_PAUSE_MS;
    return 'stop';
  }
}
