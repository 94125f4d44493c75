import { BEAT_MS, type Beat, isDue } from './announcements.ts';
import { LEASE_MS } from './leases.ts';
import type { Partner } from './partners.ts';
import type { SeatAnswers } from './settling.ts';
import type { SwarmState } from './swarm-state.ts';
import { owesNews, writeBeat } from './write-beat.ts';

/** A node looks for partners until it has this many. */
const WANTED_PARTNERS = 12;
/** And accepts up to this many. */
export const MAX_PARTNERS = 24;
/** Seats are partners of each other besides; some more of them, because nodes may differ in who is one. */
const MAX_SEAT_PARTNERS = 24;
/** A partner that is silent for this long is gone: three beats, and a little. A seat is gone with its lease. */
const SILENT_MS = 3.2 * BEAT_MS;
/** This many members are asked at once to be partners, and each at most this often. */
const HELLOS = 4;
const HELLO_AGAIN_MS = 2_000;
/**
 * Seats ask each other more often: before they have answered, this node does not know what is fetched already. The
 * channel loses nothing, but the other end may have had a reason not to answer; and the first message may wait for its
 * connection, behind which each further one is only work.
 */
const HELLO_SEAT_AGAIN_MS = 1_000;
/** One that had no room is not asked again before this and the usual time. */
const NO_ROOM_MS = 6_000;
/** Seats say so to the whole subnet this often; a newcomer finds the swarm by what it heard. */
const INTEREST_EVERY_MS = 5_000;
/** The first time comes after up to this long, so that a crowd that starts at once does not send at once. */
const INTEREST_SPREAD_MS = 20;
/** At most this many members are taken from one beat, whoever sends it. */
const MAX_NAMED = 64;

/** Of this many it is remembered that they were asked, or have answered. */
const MAX_REMEMBERED = 1_000;

/** A beat to send. */
export interface Outgoing {
  readonly to: string;
  readonly beat: Beat;
}

/** Whom a node talks to: it finds partners, keeps them informed and notices when they go. */
export class Contacts {
  readonly #state: SwarmState;
  readonly #askedMs = new Map<string, number>();
  /** Who said anything but hello: it is a partner, or has everything as this node has. */
  readonly #answered = new Set<string>();
  #interestMs: number;
  /** When somebody was heard for the first time, last. */
  #answeredMs = Number.NEGATIVE_INFINITY;
  #urgent = false;
  /** How many of the pieces gained had come when the last one from the origin did; partners who know of fewer hear of it. */
  #originNews = 0;

  constructor(state: SwarmState) {
    this.#state = state;
    this.#interestMs = state.joinedMs + INTEREST_SPREAD_MS * state.content.random();
  }

  /** A piece came from the origin: partners hear of it as soon as they may. */
  hasFromOrigin(): void {
    this.#originNews = this.#state.gained.length;
  }

  /** Whether somebody has not been told yet of a piece that came from the origin. */
  get owesNews(): boolean {
    return [...this.#state.partners].some((partner) => this.#hasOriginNews(partner));
  }

  /** The own lease changed: partners hear of it with the next step. */
  urgent(): void {
    this.#urgent = true;
  }

  /** Whether to tell the subnet, now, that this node wants the content. Only seats do: whoever knows better ones is silent. */
  interestDue(nowMs: number): boolean {
    const { view } = this.#state;
    if (nowMs < this.#interestMs || !view.isSeat(view.self.id)) return false;
    this.#interestMs = nowMs + INTEREST_EVERY_MS;
    return true;
  }

  /** When the subnet is told next, should this node be a seat then. */
  get interestMs(): number {
    const { view } = this.#state;
    return view.isSeat(view.self.id) ? this.#interestMs : Number.POSITIVE_INFINITY;
  }

  /** What is known of the other seats. */
  get seatAnswers(): SeatAnswers {
    const { partners } = this.#state;
    const areKnown = this.#fellows().every((id) => partners.get(id) !== undefined || this.#answered.has(id));
    return { areKnown, answeredMs: this.#answeredMs };
  }

  /** Whether more than half of the partners have proof that this node gave wrong bytes: one alone may lie. */
  get isDistrusted(): boolean {
    let distrusting = 0;
    for (const partner of this.#state.partners) if (partner.distrusts) distrusting++;
    return distrusting > 1 && 2 * distrusting > this.#state.partners.size;
  }

  /** Takes in what a member says; the answer to send, if any. */
  hear(from: string, beat: Beat, nowMs: number): Outgoing[] {
    const { partners, leases } = this.#state;
    if (beat.kind === 'bye') {
      this.lost(from, nowMs);
      return [];
    }
    if (!this.#state.view.isBanned(from)) this.#learn(from, beat, nowMs);
    if (beat.kind === 'no-room') {
      partners.drop(from);
      this.#askedMs.set(from, nowMs + NO_ROOM_MS);
      return [];
    }
    if (beat.complete && this.#state.complete) {
      // Two that have everything have nothing to tell each other, but a newcomer must hear that this one has it.
      partners.drop(from);
      leases.drop(from);
      return beat.kind === 'hello' ? [{ to: from, beat: writeBeat(this.#state, 'welcome', from, nowMs) }] : [];
    }
    if (partners.get(from) === undefined && this.#state.view.isSeat(from)) this.#answeredMs = nowMs;
    const partner = partners.get(from) ?? this.#accept(from, beat, nowMs);
    if (partner === null) return [{ to: from, beat: writeBeat(this.#state, 'no-room', from, nowMs) }];
    // A stranger that takes this node for its partner was dropped here: a hello makes it tell everything again.
    const isStray = beat.kind === 'beat' && !this.#answered.has(from);
    if (beat.kind !== 'hello') this.#answered.add(from);
    this.#note(partner, beat, nowMs);
    if (isStray) return [this.#tell(partner, 'hello', nowMs)];
    return beat.kind === 'hello' ? [this.#tell(partner, 'welcome', nowMs)] : [];
  }

  /** What counts of whoever is not banned, partner or not: who is there, what is fetched, and that bytes still come. */
  #learn(from: string, beat: Beat, nowMs: number): void {
    const { view, leases, partners } = this.#state;
    view.hear(from, nowMs);
    for (const { id, ageMs } of beat.members.slice(0, MAX_NAMED)) view.hear(id, nowMs - Math.max(0, ageMs));
    for (const lease of beat.others.slice(0, MAX_NAMED)) {
      const { holder, silentMs } = lease;
      // Who is a partner says itself what it fetches.
      const isHeard = holder === view.self.id || partners.get(holder) !== undefined;
      if (!isHeard && !view.isBanned(holder)) leases.hearOf(holder, lease, silentMs, nowMs);
    }
    this.#state.pulseMs = Math.max(this.#state.pulseMs, nowMs - Math.max(0, beat.pulseAgeMs));
  }

  /** A member cannot be reached any more, or has left. */
  lost(id: string, nowMs: number): void {
    if (!this.#state.view.isBanned(id)) this.#state.view.forget(id, nowMs);
    this.#state.partners.drop(id);
    this.#state.leases.drop(id);
    this.#answered.delete(id);
  }

  /** A member is proven to give wrong bytes: nothing it says counts any more, and it hears why. */
  ban(id: string, nowMs: number): void {
    const { partners, view } = this.#state;
    const isPartner = partners.get(id) !== undefined;
    this.lost(id, nowMs);
    view.forget(id, Number.POSITIVE_INFINITY);
    if (isPartner) partners.add(id, nowMs);
  }

  /** Everything to send now, after the silent were dropped. */
  step(nowMs: number): Outgoing[] {
    this.#dropSilent(nowMs);
    const outgoing = this.#hellos(nowMs);
    for (const partner of this.#state.partners) {
      if (isDue(this.#tellFacts(partner, nowMs))) outgoing.push(this.#tell(partner, 'beat', nowMs));
    }
    this.#urgent = false;
    if (this.#state.complete) this.#dropComplete();
    return outgoing;
  }

  #accept(from: string, beat: Beat, nowMs: number): Partner | null {
    const { view, partners } = this.#state;
    const isFellow = beat.seat && view.isSeat(view.self.id) && partners.size < MAX_PARTNERS + MAX_SEAT_PARTNERS;
    // For one that answers a hello of ours the place was meant.
    const isAwaited = beat.kind === 'welcome' && this.#askedMs.has(from);
    return partners.size < MAX_PARTNERS || isFellow || isAwaited ? partners.add(from, nowMs) : null;
  }

  #note(partner: Partner, beat: Beat, nowMs: number): void {
    const { partners, leases, file, view } = this.#state;
    partner.heardMs = nowMs;
    partner.seat = beat.seat;
    partner.passive = beat.passive;
    partner.usualRate = beat.usualRate;
    partner.distrusts = beat.distrusts;
    // What it says of itself does not count, but it may have what others give: else it would fetch all of it again.
    if (view.isBanned(partner.id)) return;
    partners.offer(partner, beat.complete ? [{ first: 0, end: file.pieces }] : beat.have);
    const isNew = beat.lease !== null && leases.of(partner.id, nowMs)?.first !== beat.lease.first;
    leases.hear(partner.id, beat.lease, nowMs);
    // Two that fetch the same may not know each other: whoever sees it tells both with the next step.
    if (isNew) for (const { holder } of leases.rivals(partner.id, nowMs)) this.#tellSoon(holder, partner);
  }

  #tellSoon(rival: string, partner: Partner): void {
    for (const it of [partner, this.#state.partners.get(rival)])
      if (it !== undefined) it.toldMs = Number.NEGATIVE_INFINITY;
  }

  #dropSilent(nowMs: number): void {
    for (const partner of this.#state.partners) {
      const silentMs = this.#areSeats(partner) ? LEASE_MS : SILENT_MS;
      if (nowMs - partner.heardMs > silentMs) this.lost(partner.id, partner.heardMs);
    }
    this.#state.view.expire(nowMs);
    // Asking again is all that forgetting costs.
    if (this.#askedMs.size > MAX_REMEMBERED) this.#askedMs.clear();
    if (this.#answered.size > MAX_REMEMBERED) this.#answered.clear();
  }

  #dropComplete(): void {
    for (const { id, offers } of this.#state.partners) if (offers.isComplete) this.#state.partners.drop(id);
  }

  #hellos(nowMs: number): Outgoing[] {
    const { view, partners, complete } = this.#state;
    if (complete) return [];
    const fellows = this.#fellows().filter((id) => this.#mayAsk(id, HELLO_SEAT_AGAIN_MS, nowMs));
    const wanted = Math.min(HELLOS, WANTED_PARTNERS - partners.size);
    const others = wanted > 0 ? view.some(2 * HELLOS).filter((id) => this.#mayAsk(id, HELLO_AGAIN_MS, nowMs)) : [];
    const ids = new Set([...fellows, ...others.slice(0, Math.max(0, wanted))]);
    return [...ids].map((to) => {
      this.#askedMs.set(to, nowMs);
      return { to, beat: writeBeat(this.#state, 'hello', to, nowMs) };
    });
  }

  // Whom a seat must know: the other seats. They tell it of those who fetch without being one any more.
  #fellows(): string[] {
    const { view } = this.#state;
    return view.isSeat(view.self.id) ? view.seats.map(({ id }) => id).filter((id) => id !== view.self.id) : [];
  }

  #mayAsk(id: string, againMs: number, nowMs: number): boolean {
    const { view, partners } = this.#state;
    if (id === view.self.id || partners.get(id) !== undefined) return false;
    return nowMs - (this.#askedMs.get(id) ?? Number.NEGATIVE_INFINITY) >= againMs;
  }

  // Seats beat faster for each other; all count with what both know, so neither takes the other for dead.
  #areSeats({ id }: Partner): boolean {
    return this.#state.view.areSeats(id);
  }

  #tellFacts(partner: Partner, nowMs: number) {
    const { gained, leases, view } = this.#state;
    const hasNews = owesNews(partner, gained);
    const seated = leases.of(view.self.id, nowMs) !== null || this.#areSeats(partner);
    return {
      nowMs,
      toldMs: partner.toldMs,
      hasNews,
      hasOriginNews: hasNews && partner.toldPieces < this.#originNews,
      urgent: this.#urgent,
      seated,
    };
  }

  #hasOriginNews(partner: Partner): boolean {
    return partner.toldPieces < this.#originNews && owesNews(partner, this.#state.gained);
  }

  #tell(partner: Partner, kind: Beat['kind'], nowMs: number): Outgoing {
    const beat = writeBeat(this.#state, kind, partner.id, nowMs);
    partner.toldMs = nowMs;
    partner.toldPieces = this.#state.gained.length;
    if (beat.members.length > 0) partner.membersToldMs = nowMs;
    return { to: partner.id, beat };
  }
}
