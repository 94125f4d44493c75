import { hash } from 'node:crypto';
import type { RecordId } from '../core/ids.ts';
import { type Candidate, settledAccess } from './limits.ts';
import type { RecordState, StoredRecord } from './record.ts';
import { storedBytes } from './record.ts';

/** What is kept in memory of each record; everything else is read from the index when it is needed. */
interface Summary extends Candidate {
  lastAccessMs: number;
  state: RecordState;
  /** Bytes that its file has: up to the end of the last range. */
  readonly fileBytes: number;
  readonly urlKey: number;
  readonly digestKey: number | null;
}

/** Finds ids by a 48-bit key; different things may share a key, so what is found must be compared. */
class KeyIndex {
  // Nearly every key has one record, and an array for each would double the memory.
  readonly #ids = new Map<number, RecordId | RecordId[]>();

  get(key: number): readonly RecordId[] {
    const found = this.#ids.get(key);
    if (found === undefined) return [];
    return typeof found === 'string' ? [found] : found;
  }

  add(key: number, id: RecordId): void {
    const found = this.get(key);
    this.#ids.set(key, found.length === 0 ? id : [...found, id]);
  }

  delete(key: number, id: RecordId): void {
    const left = this.get(key).filter((each) => each !== id);
    if (left.length === 0) this.#ids.delete(key);
    else this.#ids.set(key, left.length === 1 ? (left[0] as RecordId) : left);
  }
}

/**
 * All records in memory, in the order of use: for finding, for counting, and for
 * the choice of what goes. The order is that of the accesses, not of their
 * times, so that a clock that is set while the node runs does not mix it up.
 */
export class Catalog {
  // A Map keeps the order of insertion; an access inserts anew.
  readonly #summaries = new Map<RecordId, Summary>();
  readonly #byUrl = new KeyIndex();
  readonly #byDigest = new KeyIndex();
  #bytes = 0;

  /** Bytes of all records. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#summaries.size;
  }

  /** Sorts records that were added in any order, as after a start, by the times of their last access. */
  orderByAccess(): void {
    const sorted = [...this.#summaries.values()].sort((a, b) => a.lastAccessMs - b.lastAccessMs);
    this.#summaries.clear();
    for (const summary of sorted) this.#summaries.set(summary.id, summary);
  }

  /** Adds a record as the most recently used one. */
  add(id: RecordId, stored: StoredRecord, lastAccessMs: number): void {
    const digestKey = stored.sha256 === null ? null : keyOfDigest(stored.sha256);
    const urlKey = keyOfUrl(stored.url);
    const bytes = storedBytes(stored);
    const fileBytes = stored.ranges.at(-1)?.[1] ?? 0;
    this.#summaries.set(id, { id, bytes, fileBytes, lastAccessMs, state: stored.state, urlKey, digestKey });
    this.#byUrl.add(urlKey, id);
    if (digestKey !== null) this.#byDigest.add(digestKey, id);
    this.#bytes += bytes;
  }

  /** Forgets a record; false when there is none. */
  delete(id: RecordId): boolean {
    const summary = this.#summaries.get(id);
    if (summary === undefined) return false;
    this.#summaries.delete(id);
    this.#byUrl.delete(summary.urlKey, id);
    if (summary.digestKey !== null) this.#byDigest.delete(summary.digestKey, id);
    this.#bytes -= summary.bytes;
    return true;
  }

  get(id: RecordId): Readonly<Summary> | undefined {
    return this.#summaries.get(id);
  }

  /** Notes that the record was used just now. */
  touch(id: RecordId, nowMs: number): void {
    const summary = this.#summaries.get(id);
    if (summary === undefined) return;
    summary.lastAccessMs = nowMs;
    this.#summaries.delete(id);
    this.#summaries.set(id, summary);
  }

  setState(id: RecordId, state: RecordState): void {
    const summary = this.#summaries.get(id);
    if (summary !== undefined) summary.state = state;
  }

  /** Takes back access times that lie in the future, see {@link settledAccess}; returns the records it changed. */
  settle(nowMs: number): RecordId[] {
    const changed: RecordId[] = [];
    for (const summary of this.#summaries.values()) {
      const settled = settledAccess(summary.lastAccessMs, nowMs);
      if (settled === summary.lastAccessMs) continue;
      summary.lastAccessMs = settled;
      changed.push(summary.id);
    }
    return changed;
  }

  /** Records that may be of this URL; compare before use. */
  maybeOfUrl(url: string): readonly RecordId[] {
    return this.#byUrl.get(keyOfUrl(url));
  }

  /** Records that may have this SHA-256, lower-case hex; compare before use. */
  maybeOfDigest(sha256: string): readonly RecordId[] {
    return this.#byDigest.get(keyOfDigest(sha256));
  }

  /** Every record, least recently used first. */
  leastRecentlyUsedFirst(): Iterable<Candidate> {
    return this.#summaries.values();
  }

  ids(): RecordId[] {
    return [...this.#summaries.keys()];
  }
}

function keyOfUrl(url: string): number {
  return hash('sha256', url, 'buffer').readUIntBE(0, 6);
}

function keyOfDigest(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 12), 16);
}
