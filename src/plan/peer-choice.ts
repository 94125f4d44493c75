import { type Random, sample } from '../core/random.ts';

/** Above this share of authenticated peers in the table they are enough for a whole search (BPCR 3.1.1.3). */
const ENOUGH_AUTHENTICATED = 0.3;

/** What the choice needs to know about a peer. */
export interface Candidate {
  /** Whether it has proven its membership and the proof still holds. */
  readonly authenticated: boolean;
}

/**
 * Which peers one search asks (BPCR 3.1.7): at random among the authenticated ones first, and then among the others, so
 * that new peers get a chance to prove themselves. When fewer than 30 % of the peers known are authenticated, those take
 * at most half of the places.
 */
export class PeerChoice<T extends Candidate> {
  readonly #random: Random;
  #authenticatedWanted: number;

  /**
   * @param known every peer that could be asked when the search begins.
   * @param count how many the search asks at the same time.
   */
  constructor(known: readonly T[], count: number, random: Random) {
    this.#random = random;
    const share = known.filter(({ authenticated }) => authenticated).length / Math.max(1, known.length);
    this.#authenticatedWanted = share >= ENOUGH_AUTHENTICATED ? count : Math.ceil(count / 2);
  }

  /** Up to `count` of the peers that were not asked yet. */
  next(untried: readonly T[], count: number): T[] {
    const authenticated = untried.filter((candidate) => candidate.authenticated);
    const others = untried.filter((candidate) => !candidate.authenticated);
    const first = sample(authenticated, Math.min(count, this.#authenticatedWanted), this.#random);
    this.#authenticatedWanted -= first.length;
    const second = sample(others, count - first.length, this.#random);
    // Where nobody else is left, authenticated peers beyond their share are better than none.
    const spare = authenticated.filter((candidate) => !first.includes(candidate));
    return [...first, ...second, ...sample(spare, count - first.length - second.length, this.#random)];
  }
}
