import { BEAT_MS, type Beat, isDue, MEMBERS_EVERY_MS, newsOf, SEAT_BEAT_MS } from './announcements.ts';
import type { Partner } from './partners.ts';
import type { SwarmState } from './swarm-state.ts';

/** A node looks for partners until it has this many. */
export const WANTED_PARTNERS = 12;
/** And accepts up to this many; seats are partners of each other in any case. */
export const MAX_PARTNERS = 24;
/** A partner that is silent for this long is gone: three beats, and a little. */
const SILENT_BEATS = 3.2;
/** This many members are asked at once to be partners, and each at most this often. */
const HELLOS = 4;
const HELLO_AGAIN_MS = 2_000;
/** Seats are asked more often: before they have answered, this node does not know what is fetched already. */
const HELLO_SEAT_AGAIN_MS = 300;
/** How many members a beat names: the seats, and some others. */
const NAMED_OTHERS = 8;
/** Seats say so to the whole subnet this often; a newcomer finds the swarm by what it heard. */
const INTEREST_EVERY_MS = 5_000;
/** The first time comes after up to this long, so that a crowd that starts at once does not send at once. */
const INTEREST_SPREAD_MS = 20;
/** At most this many members are taken from one beat, whoever sends it. */
const MAX_NAMED = 64;

/** A beat to send. */
export interface Outgoing {
  readonly to: string;
  readonly beat: Beat;
}

/** Whom a node talks to: it finds partners, keeps them informed and notices when they go. */
export class Contacts {
  readonly #state: SwarmState;
  readonly #askedMs = new Map<string, number>();
  #interestMs: number;
  #urgent = false;

  constructor(state: SwarmState) {
    this.#state = state;
    this.#interestMs = state.joinedMs + INTEREST_SPREAD_MS * state.content.random();
  }

  /** The own lease changed or a piece came from the origin: partners hear of it with the next step. */
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

  /** Whether all other seats have answered, so that what they fetch is known. */
  knowsAllSeats(): boolean {
    const { view, partners } = this.#state;
    return view.seats.every(
      ({ id }) => id === view.self.id || partners.get(id) !== undefined || !this.#isWaitedFor(id),
    );
  }

  // A complete seat does not stay the partner of a complete one, and one that has no room has named its partners.
  #isWaitedFor(id: string): boolean {
    return !this.#answered.has(id);
  }

  readonly #answered = new Set<string>();

  /** Takes in what a member says; the answer to send, if any. */
  hear(from: string, beat: Beat, nowMs: number): Outgoing[] {
    const { view, partners, leases } = this.#state;
    if (beat.kind === 'bye') {
      this.lost(from, nowMs);
      return [];
    }
    view.hear(from, nowMs);
    for (const { id, ageMs } of beat.members.slice(0, MAX_NAMED)) view.hear(id, nowMs - Math.max(0, ageMs));
    this.#state.pulseMs = Math.max(this.#state.pulseMs, nowMs - Math.max(0, beat.pulseAgeMs));
    if (beat.kind !== 'hello') this.#answered.add(from);
    if (beat.kind === 'no-room') return [];
    if (beat.complete && this.#state.complete) {
      // Two that have everything have nothing to tell each other, but a newcomer must hear that this one has it.
      partners.drop(from);
      leases.drop(from);
      return beat.kind === 'hello' ? [this.#to(from, this.#beat('welcome', nowMs, null))] : [];
    }
    const partner = partners.get(from) ?? this.#accept(from, beat, nowMs);
    if (partner === null) return [{ to: from, beat: this.#beat('no-room', nowMs, null) }];
    this.#note(partner, beat, nowMs);
    return beat.kind === 'hello' ? [this.#tell(partner, 'welcome', nowMs)] : [];
  }

  /** A member cannot be reached any more, or has left. */
  lost(id: string, nowMs: number): void {
    this.#state.view.forget(id, nowMs);
    this.#state.partners.drop(id);
    this.#state.leases.drop(id);
    this.#answered.delete(id);
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
    const bothSeats = view.isSeat(from) && view.isSeat(view.self.id);
    // A welcome answers a hello of ours, so the place was meant for it.
    if (partners.size >= MAX_PARTNERS && !bothSeats && beat.kind !== 'welcome') return null;
    return partners.add(from, nowMs);
  }

  #note(partner: Partner, beat: Beat, nowMs: number): void {
    const { partners, leases, file } = this.#state;
    partner.heardMs = nowMs;
    partners.offer(partner, beat.complete ? [{ first: 0, end: file.pieces }] : beat.have);
    leases.hear(partner.id, beat.lease, nowMs);
  }

  #dropSilent(nowMs: number): void {
    for (const partner of this.#state.partners) {
      if (nowMs - partner.heardMs > SILENT_BEATS * this.#everyMs(partner)) this.lost(partner.id, partner.heardMs);
    }
    this.#state.view.expire(nowMs);
  }

  #dropComplete(): void {
    for (const { id, offers } of this.#state.partners) if (offers.isComplete) this.#state.partners.drop(id);
  }

  #hellos(nowMs: number): Outgoing[] {
    const { view, partners, complete } = this.#state;
    if (complete) return [];
    const isSeat = view.isSeat(view.self.id);
    const seats = isSeat
      ? view.seats.map(({ id }) => id).filter((id) => this.#mayAsk(id, HELLO_SEAT_AGAIN_MS, nowMs))
      : [];
    const wanted = Math.min(HELLOS, WANTED_PARTNERS - partners.size);
    const others = wanted > 0 ? view.some(2 * HELLOS).filter((id) => this.#mayAsk(id, HELLO_AGAIN_MS, nowMs)) : [];
    const ids = new Set([...seats, ...others.slice(0, Math.max(0, wanted))]);
    return [...ids].map((to) => {
      this.#askedMs.set(to, nowMs);
      return { to, beat: this.#beat('hello', nowMs, null) };
    });
  }

  #mayAsk(id: string, againMs: number, nowMs: number): boolean {
    const { view, partners } = this.#state;
    if (id === view.self.id || partners.get(id) !== undefined) return false;
    const pauseMs = this.#answered.has(id) ? 4 * HELLO_AGAIN_MS : againMs;
    return nowMs - (this.#askedMs.get(id) ?? Number.NEGATIVE_INFINITY) >= pauseMs;
  }

  // Seats beat faster for each other; all count with what both know, so neither takes the other for dead.
  #everyMs(partner: Partner): number {
    const { view } = this.#state;
    return view.isSeat(view.self.id) && view.isSeat(partner.id) ? SEAT_BEAT_MS : BEAT_MS;
  }

  #tellFacts(partner: Partner, nowMs: number) {
    const { gained, leases, view } = this.#state;
    const hasNews = partner.toldPieces < gained.length && !partner.offers.isComplete;
    const seated = leases.of(view.self.id, nowMs) !== null || this.#everyMs(partner) === SEAT_BEAT_MS;
    return { nowMs, toldMs: partner.toldMs, hasNews, urgent: this.#urgent, seated };
  }

  #tell(partner: Partner, kind: Beat['kind'], nowMs: number): Outgoing {
    const beat = this.#beat(kind, nowMs, partner);
    partner.toldMs = nowMs;
    partner.toldPieces = this.#state.gained.length;
    if (beat.members.length > 0) partner.membersToldMs = nowMs;
    return { to: partner.id, beat };
  }

  #to(to: string, beat: Beat): Outgoing {
    return { to, beat };
  }

  #beat(kind: Beat['kind'], nowMs: number, partner: Partner | null): Beat {
    const { gained, complete, leases, view, pulseMs } = this.#state;
    const from = kind === 'beat' ? (partner?.toldPieces ?? 0) : 0;
    const skips = complete || kind === 'no-room' || partner?.offers.isComplete === true;
    const lease = leases.of(view.self.id, nowMs);
    const names = kind !== 'beat' || nowMs - (partner?.membersToldMs ?? 0) >= MEMBERS_EVERY_MS;
    return {
      kind,
      have: skips ? [] : newsOf(from === 0 ? gained : gained.slice(from)),
      complete,
      lease: lease === null ? null : { ...leaseFact(lease), ageMs: nowMs - lease.sinceMs },
      pulseAgeMs: nowMs - pulseMs,
      members: names && kind !== 'hello' ? this.#named(nowMs) : [],
    };
  }

  #named(nowMs: number): Beat['members'] {
    const { view } = this.#state;
    const ids = new Set([...view.seats.map(({ id }) => id), ...view.some(NAMED_OTHERS)]);
    ids.delete(view.self.id);
    return [...ids].map((id) => ({ id, ageMs: nowMs - (view.heardMs(id) ?? nowMs) }));
  }
}

function leaseFact({
  first,
  end,
  position,
  takenOver,
}: {
  first: number;
  end: number;
  position: number;
  takenOver: boolean;
}) {
  return { first, end, position, takenOver };
}
