import type { RecordId } from '../core/ids.ts';
import type { RecordState } from './record.ts';

/** How much the cache may keep and for how long. The configuration checks the allowed ranges and names the defaults. */
export interface CacheLimits {
  /** Bytes of content, reservations included. */
  readonly maxBytes: number;
  /** A record that was not read for this long expires (BITS: 1 to 120 days, IBitsPeerCacheAdministration). */
  readonly maxAgeMs: number;
  /** What stays free on the file system, whoever fills it. */
  readonly minFreeBytes: number;
}

/** Records beyond this many push out the least recently used one, so that tiny files cannot fill the memory: about 40 MB. */
export const MAX_RECORDS = 100_000;

/** What a decision needs to know of one record. */
export interface Candidate {
  readonly id: RecordId;
  readonly bytes: number;
  readonly lastAccessMs: number;
  readonly state: RecordState;
}

/** Room in bytes and in records. */
export interface Excess {
  readonly bytes: number;
  readonly records: number;
}

/** How full cache and disk are. */
export interface Fill {
  readonly bytes: number;
  readonly reservedBytes: number;
  readonly records: number;
  readonly reservedRecords: number;
  readonly freeDiskBytes: number;
}

/**
 * What has to go before `wanted` more can be promised; with nothing wanted, what
 * brings the cache back below its limits. Reserved bytes count twice over: against
 * the size of the cache, and against the free disk, where they are not written yet.
 */
export function excessFor(wanted: Excess, fill: Fill, limits: CacheLimits): Excess {
  const promised = fill.reservedBytes + wanted.bytes;
  const overSize = fill.bytes + promised - limits.maxBytes;
  const underFloor = limits.minFreeBytes - (fill.freeDiskBytes - promised);
  const records = fill.records + fill.reservedRecords + wanted.records - MAX_RECORDS;
  return { bytes: Math.max(0, overSize, underFloor), records: Math.max(0, records) };
}

/** Why a record goes. */
export type EvictionReason = 'invalid' | 'expired' | 'room';

/** What an eviction removes. */
export interface Eviction {
  /** Records that nobody may have any more, whether room is needed or not. */
  readonly stale: readonly { readonly id: RecordId; readonly reason: EvictionReason }[];
  /** Further records, least recently used first, that make the room. */
  readonly forRoom: readonly { readonly id: RecordId; readonly reason: EvictionReason }[];
  /** Whether the room suffices once all of them are gone. */
  readonly suffices: boolean;
}

/**
 * Chooses what goes: invalid and expired records first, then the least recently
 * used (as in BITS), never one in use. `candidates` come least recently used first.
 */
export function chooseEviction(
  candidates: Iterable<Candidate>,
  excess: Excess,
  facts: { readonly nowMs: number; readonly maxAgeMs: number; readonly inUse: (id: RecordId) => boolean },
): Eviction {
  const stale: { id: RecordId; reason: EvictionReason }[] = [];
  const spare: Candidate[] = [];
  const missing = { bytes: excess.bytes, records: excess.records };
  for (const candidate of candidates) {
    if (facts.inUse(candidate.id)) continue;
    const reason = staleness(candidate, facts.nowMs, facts.maxAgeMs);
    if (reason === null) {
      spare.push(candidate);
      continue;
    }
    stale.push({ id: candidate.id, reason });
    take(missing, candidate);
  }
  const forRoom: { id: RecordId; reason: EvictionReason }[] = [];
  for (const candidate of spare) {
    if (isMet(missing)) break;
    // Dropping a record without bytes makes no room for bytes.
    if (missing.records <= 0 && candidate.bytes === 0) continue;
    forRoom.push({ id: candidate.id, reason: 'room' });
    take(missing, candidate);
  }
  return { stale, forRoom, suffices: isMet(missing) };
}

/** Why a record may not stay, or null when it may. */
function staleness(candidate: Candidate, nowMs: number, maxAgeMs: number): EvictionReason | null {
  if (candidate.state === 'invalid') return 'invalid';
  return nowMs - candidate.lastAccessMs > maxAgeMs ? 'expired' : null;
}

/**
 * The time of the last access as the clock of today can mean it. A time in the
 * future was written before the clock was set back: it becomes now. So setting
 * the clock back removes nothing at once, and nothing outlives its maximum age
 * counted from the day on which that was noticed.
 */
export function settledAccess(lastAccessMs: number, nowMs: number): number {
  return Math.min(lastAccessMs, nowMs);
}

function take(missing: { bytes: number; records: number }, candidate: Candidate): void {
  missing.bytes -= candidate.bytes;
  missing.records--;
}

function isMet(missing: { readonly bytes: number; readonly records: number }): boolean {
  return missing.bytes <= 0 && missing.records <= 0;
}
