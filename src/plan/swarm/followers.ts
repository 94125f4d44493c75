/** How long a node leaves the origin to others; set by policy. */
export interface SwarmPatience {
  /** No byte came from the origin to anybody for this long: whoever should fetch does not. */
  readonly pulseMs: number;
  /** This node itself got nothing for this long, whatever others say. Without an anchor that is all it ever waits. */
  readonly ownMs: number;
}

/**
 * A dead owner is replaced within two seconds; five times that means that replacing does not work. While bytes do come,
 * fetching them oneself as well would only make a slow link slower: hence the half hour.
 */
export const SWARM_PATIENCE: SwarmPatience = { pulseMs: 10_000, ownMs: 1_800_000 };

/** What a node knows while it waits. */
export interface WaitFacts {
  readonly nowMs: number;
  /** When this node began, or got its last byte. */
  readonly gainedMs: number;
  /** When anybody got a byte from the origin last, as told from partner to partner. */
  readonly pulseMs: number;
  /** A request to a partner is open: bytes are on their way. */
  readonly receiving: boolean;
  /** Between 0 and 1, fixed for the node: keeps a crowd from giving up in the same moment. */
  readonly jitter: number;
}

/**
 * Whether a node stops waiting for others and fetches from the origin what it misses, seat or not. This is what ends
 * every wait: a lie, a split network or a mistake of ours can make a file cost more, but never keep it from arriving.
 */
export function givesUpWaiting(facts: WaitFacts, patience: SwarmPatience): boolean {
  const { nowMs, gainedMs, pulseMs, receiving, jitter } = facts;
  const more = 1 + jitter;
  if (nowMs - gainedMs > patience.ownMs * more) return true;
  return !receiving && nowMs - Math.max(gainedMs, pulseMs) > patience.pulseMs * more;
}
