/** How long each kind of transfer waits for neighbours before the origin starts. */
export interface Patience {
  readonly foregroundMs: number;
  readonly backgroundMs: number;
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
  const waitMs = search.priority === 'foreground' ? patience.foregroundMs : patience.backgroundMs;
  const limitMs = search.startedMs + waitMs;
  if (search.endedMs === null || search.offered) return limitMs;
  return Math.min(limitMs, search.endedMs);
}
