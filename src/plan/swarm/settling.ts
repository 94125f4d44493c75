import type { Ranked } from './weight.ts';

/**
 * A node that has just become a seat listens for this long before it fetches, and for as long after each newcomer among
 * the seats: of a crowd that comes at once each hears of some before the others, and all would choose the same.
 */
const LISTEN_MS = 100;
/** But newcomers may not hold it up for longer than this. */
const NEWCOMERS_MS = 1_000;
/** While seats have not answered it waits until none has for this long: those that never will must not hold up the others. */
const QUIET_MS = 2_000;
/** And no longer than this in all: connecting to many takes long on a busy machine. */
const AT_MOST_MS = 10_000;

/** What the other seats have said so far. */
export interface SeatAnswers {
  /** All of them have answered: it is known what is fetched. */
  readonly areKnown: boolean;
  /** When the last one answered that had not before. */
  readonly answeredMs: number;
}

/** How long a new seat listens before it fetches anything: it may not know yet who is there, and what they fetch. */
export class Settling {
  #sinceMs: number | null = null;
  #seats: readonly Ranked[] = [];
  #newcomerMs = 0;

  /** Notes who has the seats now; null while this node has none. */
  note(seats: readonly Ranked[] | null, nowMs: number): void {
    this.#sinceMs = seats === null ? null : (this.#sinceMs ?? nowMs);
    if (seats === null || seats === this.#seats) return;
    const before = new Set(this.#seats.map(({ id }) => id));
    if (seats.some(({ id }) => !before.has(id))) this.#newcomerMs = nowMs;
    this.#seats = seats;
  }

  /** Whether this node, which has a seat, knows as much of the others as it is going to. */
  isOver({ areKnown, answeredMs }: SeatAnswers, nowMs: number): boolean {
    const sinceMs = this.#sinceMs ?? nowMs;
    if (areKnown) return nowMs - Math.max(sinceMs, Math.min(this.#newcomerMs, sinceMs + NEWCOMERS_MS)) >= LISTEN_MS;
    return nowMs - Math.max(sinceMs, answeredMs) >= QUIET_MS || nowMs - sinceMs >= AT_MOST_MS;
  }
}
