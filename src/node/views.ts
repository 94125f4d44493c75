import type { CacheRecordView, PeerView } from '../api/views.ts';
import type { CacheRecord } from '../cache/record.ts';
import { printRange } from '../core/byte-range.ts';
import type { RosterEntry } from '../peer/roster-entry.ts';

/** A cache record as callers of the API see it. */
export function recordView(record: CacheRecord): CacheRecordView {
  const { id, url, version, bytes, pieceSize, state, sha256, createdMs, lastAccessMs } = record;
  const ranges = record.ranges.ranges.map(printRange);
  return { id, url, version: { ...version }, ranges, bytes, pieceSize, state, sha256, createdMs, lastAccessMs };
}

/** A peer of the roster as callers of the API see it. */
export function peerView(entry: RosterEntry): PeerView {
  const { nodeId, authenticatedUntilMs, available, failures, firstSeenMs, lastSeenMs } = entry;
  const addresses = entry.addresses.map((address) => ({ ...address }));
  return { nodeId, addresses, authenticatedUntilMs, available, failures, firstSeenMs, lastSeenMs };
}
