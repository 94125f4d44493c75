/** Peers a node wants to know: the number BITS asks in one search (BPCR IDEAL-SERVER-COUNT). */
export const WANTED_PEERS = 10;

/** A discovery is not repeated within this time (BPDP discovery suppression timer: 10 minutes). */
export const SUPPRESSION_MS = 600_000;

/** Answers to one question after which everybody else stays silent: as many as the asker wants peers. */
export const ENOUGH_ANSWERS = 10;

const LONGEST_PAUSE_MS = 3_600_000;
const ANSWER_SPACING_MS = 20;
const SHORTEST_WINDOW_MS = 100;
const LONGEST_WINDOW_MS = 2_000;
const STUBBORN_ANSWERS = 1;

/** What the decision to start a discovery looks at. Times are monotonic milliseconds. */
export interface DiscoveryNeed {
  /** Counts the peers in the roster that are worth asking now; asked for only when the pause is over. */
  readonly usable: () => number;
  readonly wanted: number;
  /** When the last discovery began; null when there was none, or an administrator lifted the suppression. */
  readonly lastBeganMs: number | null;
  /** Discoveries in a row that brought no further peer. */
  readonly fruitless: number;
}

/**
 * Whether a discovery begins by itself: peers are missing and the pause since the last one is over. The pause is the
 * suppression time, doubled after each discovery that brought nobody, at most an hour: on a subnet with three nodes
 * there are never ten, and asking again does not change that.
 */
export function isDiscoveryDue(need: DiscoveryNeed, nowMs: number): boolean {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, SUPPRESSION_MS * 2 ** Math.min(10, need.fruitless));
  if (need.lastBeganMs !== null && nowMs - need.lastBeganMs < pauseMs) return false;
  return need.usable() < need.wanted;
}

/** Milliseconds for which a discovery that is asked for (by a search, by an administrator) still does nothing. */
export function suppressedForMs(lastBeganMs: number | null, nowMs: number): number {
  return lastBeganMs === null ? 0 : Math.max(0, lastBeganMs + SUPPRESSION_MS - nowMs);
}

/**
 * How long to wait before answering a question that went to the whole subnet. The window grows with the number of
 * peers known, so that about one node answers every 20 ms whatever the size of the subnet: the first answer comes as
 * fast on a large subnet as on a small one, and the tenth is heard by nearly everybody before they would speak.
 */
export function answerDelayMs(peersKnown: number, random: number): number {
  const windowMs = Math.min(LONGEST_WINDOW_MS, Math.max(SHORTEST_WINDOW_MS, peersKnown * ANSWER_SPACING_MS));
  return random * windowMs;
}

/**
 * Whether to answer when the delay is over and so many other nodes answered meanwhile. Up to ten answers: yes.
 * After that a node speaks with a small probability, so that about one more of the nodes it knows answers nevertheless: somebody who
 * forges ten answers to each question cannot silence the whole subnet. (BranchCache: silent after 10, else p = 0.33.)
 */
export function answersNow(answersHeard: number, peersKnown: number, random: number): boolean {
  return answersHeard < ENOUGH_ANSWERS || random < STUBBORN_ANSWERS / Math.max(peersKnown, ENOUGH_ANSWERS);
}
