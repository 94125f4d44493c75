import { type Beat, ORIGIN_NEWS_EVERY_MS } from './announcements.ts';
import { Asking } from './asking.ts';
import { Contacts, type Outgoing } from './contacts.ts';
import { SWARM_PATIENCE, type SwarmPatience } from './followers.ts';
import { type Lease, type LeaseFact, overlap } from './leases.ts';
import type { PieceRequest } from './next-requests.ts';
import { type OriginStep, OriginTurn } from './origin-turn.ts';
import type { Outcome } from './partners.ts';
import type { PieceSet } from './piece-set.ts';
import { newState, type SwarmContent, type SwarmState } from './swarm-state.ts';
import { writeBye } from './write-beat.ts';

/** A step is due at least this often while the file is not complete. */
const STEP_MS = 100;
/** The same for a node that has everything and only gives. */
const IDLE_STEP_MS = 500;

/** Whoever was heard of longer ago than this may be done, and have left again. */
const NEW_MS = 2_000;

/** What a node does now. */
export interface SwarmStep {
  /** Tell the subnet that this node wants, or has, the content. */
  readonly interest: boolean;
  readonly beats: readonly Outgoing[];
  readonly origin: OriginStep;
  readonly requests: readonly PieceRequest[];
  /** When the next step is due at the latest; facts that change something make it due at once. */
  readonly nextMs: number;
}

/**
 * One node's part in fetching one content together with its neighbours: it is told facts and answers what to do.
 * It knows no network and no clock; the same facts lead to the same decisions.
 */
export class Swarm {
  readonly #state: SwarmState;
  readonly #contacts: Contacts;
  readonly #turn: OriginTurn;
  readonly #asking: Asking;

  constructor(content: SwarmContent, nowMs: number, patience: SwarmPatience = SWARM_PATIENCE) {
    this.#state = newState(content, nowMs);
    this.#contacts = new Contacts(this.#state);
    this.#turn = new OriginTurn(this.#state, patience);
    this.#asking = new Asking(this.#state);
  }

  get have(): PieceSet {
    return this.#state.have;
  }

  get isComplete(): boolean {
    return this.#state.complete;
  }

  /** Whether nobody else is known to want or have the content. */
  get isAlone(): boolean {
    return this.#state.view.size === 0;
  }

  /** Ids of the partners, for those who look. */
  get partners(): string[] {
    return [...this.#state.partners].map(({ id }) => id);
  }

  /** How many pieces each partner offers, for those who look. */
  get offers(): { readonly id: string; readonly pieces: number }[] {
    return [...this.#state.partners].map(({ id, offers }) => ({ id, pieces: offers.size }));
  }

  /** Whether a member that was heard of a moment ago has a seat as this node has: both speak before either asks the origin. */
  isNewFellow(id: string, nowMs: number): boolean {
    const { view } = this.#state;
    const heardMs = view.heardMs(id) ?? Number.NEGATIVE_INFINITY;
    return nowMs - heardMs <= NEW_MS && view.areSeats(id);
  }

  /** What a member, also this one, fetches from the origin now as far as is known; for those who look. */
  leaseOf(id: string, nowMs: number): Lease | null {
    return this.#state.leases.of(id, nowMs);
  }

  /** Whether a lease has a piece in common with what this node fetches from the origin: then a step is due at once. */
  meetsOwn(lease: LeaseFact, nowMs: number): boolean {
    const own = this.leaseOf(this.#state.view.self.id, nowMs);
    return own !== null && overlap(own, lease);
  }

  /** A member told the subnet, or a search brought to light, that it wants or has the content. */
  hearInterest(id: string, heardMs: number): void {
    this.#state.view.hear(id, heardMs);
  }

  /** A member sent a beat; what is to be answered at once. */
  hear(from: string, beat: Beat, nowMs: number): readonly Outgoing[] {
    return this.#contacts.hear(from, beat, nowMs);
  }

  /** A member cannot be reached, or its connection broke. Requests to it are ended by whoever made them. */
  lost(id: string, nowMs: number): void {
    this.#contacts.lost(id, nowMs);
  }

  /** A member is proven to have sent a wrong piece: nothing is taken from it any more, and it fetches for nobody. */
  ban(id: string, nowMs: number): void {
    this.#contacts.ban(id, nowMs);
  }

  /**
   * Pieces arrived and are proven, or lay on this machine already. Without an anchor they arrived and can be given
   * only after `validated`. `fromOrigin`: nobody else can have told the partners.
   */
  gained(pieces: Iterable<number>, fromOrigin: boolean, nowMs: number): void {
    const { have, gained, content } = this.#state;
    this.#state.gainedMs = nowMs;
    for (const piece of pieces) {
      if (!have.add(piece)) continue;
      if (content.anchored) {
        gained.push(piece);
        if (fromOrigin) this.#contacts.hasFromOrigin();
      } else {
        // Whoever comes to have the whole of it gives it to others, who may wait for that as for the first.
        this.#state.pulseMs = nowMs;
      }
    }
    if (content.anchored && have.isComplete) this.#complete();
  }

  /** The whole file is validated and may be given: what makes a file without an anchor known to others. */
  validated(): void {
    if (this.#state.have.isComplete) this.#complete();
  }

  /** The whole file is here and somebody is about to say whether it is right: others need not wait for bytes meanwhile. */
  awaitsVerdict(nowMs: number): void {
    this.#state.pulseMs = nowMs;
  }

  /** The own origin request has brought the bytes of the file up to `position`. */
  originAt(position: number, nowMs: number): void {
    this.#turn.progressed(position, nowMs);
  }

  /** The own origin request ended; after a failure the origin is not asked before `notBeforeMs`. */
  originEnded(nowMs: number, notBeforeMs = 0): void {
    this.#turn.ended(nowMs);
    this.#turn.notBeforeMs = notBeforeMs;
    this.#contacts.urgent();
  }

  /** A request to a partner ended. Pieces that came are told with `gained` before; a busy partner may have said when to come again. */
  answered(request: PieceRequest, outcome: Exclude<Outcome, 'late'>, nowMs: number, retryAfterMs?: number): void {
    this.#asking.ended(request, outcome, nowMs, retryAfterMs);
  }

  /** Policy forbids this node to fetch from the origin for others, or allows it again. */
  forbidOrigin(isForbidden: boolean): void {
    this.#turn.isForbidden = isForbidden;
  }

  /** What to do now. A claim for the origin and requests count as begun. */
  step(nowMs: number): SwarmStep {
    const interest = this.#contacts.interestDue(nowMs);
    this.#state.passive = this.#contacts.isDistrusted || this.#turn.isPassive(nowMs);
    const origin = this.#turn.step(nowMs, this.#contacts.seatAnswers, this.#asking.isReceiving(nowMs));
    if (origin !== 'keep') this.#contacts.urgent();
    const beats = this.#contacts.step(nowMs);
    const calmMs = this.#state.complete ? IDLE_STEP_MS : STEP_MS;
    const everyMs = this.#contacts.owesNews ? ORIGIN_NEWS_EVERY_MS : calmMs;
    const nextMs = Math.min(nowMs + everyMs, Math.max(nowMs + 1, this.#contacts.interestMs));
    return { interest, origin, beats, requests: this.#asking.step(nowMs), nextMs };
  }

  /** Only the requests of a step: enough after an answer or news, and cheap. */
  requests(nowMs: number): readonly PieceRequest[] {
    return this.#asking.step(nowMs);
  }

  /** What partners are told when this node leaves. */
  leave(): Outgoing[] {
    return this.partners.map((to) => ({ to, beat: writeBye() }));
  }

  #complete(): void {
    if (this.#state.complete) return;
    this.#state.complete = true;
    this.#contacts.urgent();
  }
}
