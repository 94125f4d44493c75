/** How long each kind of transfer waits for neighbours before the origin starts. */
export interface Patience {
  readonly foregroundMs: number;
  readonly backgroundMs: number;
}

/** Milliseconds a transfer of this priority waits. */
export function patienceFor(priority: 'foreground' | 'background', patience: Patience): number {
  return priority === 'foreground' ? patience.foregroundMs : patience.backgroundMs;
}

/** What is known about the neighbours at one moment. */
export interface SearchProgress {
  readonly priority: 'foreground' | 'background';
  /** Monotonic time at which the search began. */
  readonly startedMs: number;
  /** Monotonic time at which the search ended, or null while it goes on. */
  readonly endedMs: number | null;
  /** Whether a neighbour offered something. */
  readonly offered: boolean;
}

/**
 * Monotonic time from which the origin may be asked. A search that ended
 * without an offer ends the wait at once: there is nobody left to wait for.
 */
export function originAllowedFrom(search: SearchProgress, patience: Patience): number {
  const limitMs = search.startedMs + patienceFor(search.priority, patience);
  if (search.endedMs === null || search.offered) return limitMs;
  return Math.min(limitMs, search.endedMs);
}
