import type { RosterEntry } from './roster-entry.ts';

// A peer that was only heard of keeps its place at least this long, and the full roster gives up at most one such
// place in this time. BITS guards its certificate table in the same way (BPAU: the oldest row is evicted when it is
// older than one minute): whoever floods the subnet with invented peers cannot turn the roster over.
const MIN_STAY_MS = 60_000;

/**
 * The entry that makes room for a peer that was only heard of, or null: the newcomer is refused. A peer that failed
 * goes first; one that may be well goes only when no place changed hands within the last minute. An authenticated
 * peer never goes.
 */
export function roomForHint(entries: Iterable<RosterEntry>, nowMs: number, lastTurnoverMs: number): RosterEntry | null {
  const mayTurnOver = Math.abs(nowMs - lastTurnoverMs) >= MIN_STAY_MS;
  const old: RosterEntry[] = [];
  for (const entry of entries) {
    if (entry.authenticatedUntilMs !== null || nowMs - entry.firstSeenMs < MIN_STAY_MS) continue;
    if (mayTurnOver || !entry.available) old.push(entry);
  }
  return leastWorth(old);
}

/** The entry that makes room for a peer that proved its membership: one only heard of, else an authenticated one that does not answer. */
export function roomForMember(entries: Iterable<RosterEntry>): RosterEntry | null {
  const all = [...entries];
  const unproven = all.filter((entry) => entry.authenticatedUntilMs === null);
  if (unproven.length > 0) return leastWorth(unproven);
  return all.filter((entry) => !entry.available).sort((a, b) => a.lastSeenMs - b.lastSeenMs)[0] ?? null;
}

// Failed ones first. Then the host that holds the most places gives one up, so that one machine which invents many
// peers pushes out its own inventions. Then the oldest.
function leastWorth(entries: readonly RosterEntry[]): RosterEntry | null {
  if (entries.length === 0) return null;
  const places = new Map<string, number>();
  for (const entry of entries) places.set(hostOf(entry), (places.get(hostOf(entry)) ?? 0) + 1);
  const placesOf = (entry: RosterEntry) => places.get(hostOf(entry)) ?? 0;
  const rank = (a: RosterEntry, b: RosterEntry) =>
    b.failures - a.failures || placesOf(b) - placesOf(a) || a.firstSeenMs - b.firstSeenMs;
  return [...entries].sort(rank)[0] ?? null;
}

function hostOf(entry: RosterEntry): string {
  return entry.addresses[0]?.host ?? '';
}
