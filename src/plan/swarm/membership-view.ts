import { type Random, sample } from '../../core/random.ts';
import { bySeat, memberSeed, type Ranked } from './weight.ts';

/** Bounds of a view. */
export interface ViewLimits {
  /** How many members may fetch from the origin: those best placed for the content. */
  readonly seats: number;
  /** The next best, who are known in case a seat falls free. */
  readonly spares: number;
  /** Others, a random choice, to exchange pieces with. */
  readonly others: number;
  /** A member of whom nothing was heard for this long is forgotten. */
  readonly silentMs: number;
}

/** 16 owners keep the link of an office full and cost an origin no more connections than four browsers. */
export const VIEW_LIMITS: ViewLimits = { seats: 16, spares: 16, others: 32, silentMs: 12_000 };

interface Member extends Ranked {
  heardMs: number;
}

/**
 * Who wants the same content, as far as one node has heard; never more than a few dozen, however large the swarm is.
 * The best placed are always kept, so that the seats of two nodes are the same although the rest of their views is not.
 */
export class MembershipView {
  readonly self: Ranked;
  readonly #contentId: string;
  readonly #random: Random;
  readonly #limits: ViewLimits;
  readonly #members = new Map<string, Member>();
  /** Who went, and when: what was heard of it before that is old news. */
  readonly #gone = new Map<string, number>();
  /** The same members, best placed first. */
  readonly #order: Member[] = [];
  #seats: readonly Ranked[] | null = null;
  #seatIds: ReadonlySet<string> | null = null;

  constructor(deps: { contentId: string; self: string; random: Random }, limits: ViewLimits = VIEW_LIMITS) {
    this.#contentId = deps.contentId;
    this.#random = deps.random;
    this.#limits = limits;
    this.self = { id: deps.self, seed: memberSeed(deps.contentId, deps.self) };
  }

  /** How many members are known, without this node. */
  get size(): number {
    return this.#members.size;
  }

  has(id: string): boolean {
    return this.#members.has(id);
  }

  /** The live members best placed for the content, best first; this node too, when it is one of them. */
  get seats(): readonly Ranked[] {
    const { seats } = this.#limits;
    this.#seats ??= [this.self, ...this.#order.slice(0, seats)].sort(bySeat).slice(0, seats);
    return this.#seats;
  }

  isSeat(id: string): boolean {
    this.#seatIds ??= new Set(this.seats.map((seat) => seat.id));
    return this.#seatIds.has(id);
  }

  /** Whether this node and that member both have a seat. */
  areSeats(id: string): boolean {
    return this.isSeat(this.self.id) && this.isSeat(id);
  }

  /** Notes that a member was alive at `heardMs`, which lies in the past where another node told it. */
  hear(id: string, heardMs: number): void {
    if (id === this.self.id || heardMs <= (this.#gone.get(id) ?? Number.NEGATIVE_INFINITY)) return;
    const known = this.#members.get(id);
    if (known !== undefined) {
      known.heardMs = Math.max(known.heardMs, heardMs);
      return;
    }
    this.#gone.delete(id);
    const member = { id, seed: memberSeed(this.#contentId, id), heardMs };
    this.#members.set(id, member);
    this.#order.splice(this.#rankOf(member), 0, member);
    this.#changed();
    this.#makeRoom();
  }

  /** Notes that a member is gone. Only what is heard of it from later on brings it back; after a ban (`Infinity`) nothing does. */
  forget(id: string, atMs: number): void {
    this.#gone.delete(id);
    this.#gone.set(id, atMs);
    // Insertion order is age: the oldest note goes when there are too many.
    if (this.#gone.size > 4 * this.#capacity) this.#dropOldestNote();
    this.#delete(id);
  }

  isBanned(id: string): boolean {
    return this.#gone.get(id) === Number.POSITIVE_INFINITY;
  }

  /** Forgets the silent. */
  expire(nowMs: number): void {
    for (const { id, heardMs } of this.#members.values()) {
      if (nowMs - heardMs > this.#limits.silentMs) this.forget(id, heardMs);
    }
  }

  /** When a member was heard last; undefined for a stranger. */
  heardMs(id: string): number | undefined {
    return this.#members.get(id)?.heardMs;
  }

  /** Up to `count` members, chosen at random. */
  some(count: number): string[] {
    return sample([...this.#members.keys()], count, this.#random);
  }

  get #capacity(): number {
    return this.#limits.seats + this.#limits.spares + this.#limits.others;
  }

  // Of those that are not among the best, one at random goes: what stays is a fair choice of the swarm.
  #makeRoom(): void {
    if (this.#members.size <= this.#capacity) return;
    const best = this.#limits.seats + this.#limits.spares;
    const victim = this.#order[best + Math.floor(this.#random() * (this.#order.length - best))];
    if (victim !== undefined) this.#delete(victim.id);
  }

  #delete(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    this.#order.splice(this.#rankOf(member), 1);
    this.#changed();
  }

  /** How many members are better placed. */
  #rankOf(member: Member): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bySeat(this.#order[middle] as Member, member) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #changed(): void {
    this.#seats = null;
    this.#seatIds = null;
  }

  #dropOldestNote(): void {
    for (const [id, atMs] of this.#gone) {
      if (atMs === Number.POSITIVE_INFINITY) continue;
      this.#gone.delete(id);
      return;
    }
  }
}
