import type { JobId } from '../core/ids.ts';
import type { NotificationWay } from '../observe/events.ts';
import { FINAL_KINDS } from './notification.ts';

/** What is kept in memory of a pending notification: enough to choose it, not its data. */
export interface PendingEntry {
  readonly id: string;
  readonly jobId: JobId;
  readonly owner: string;
  readonly kind: string;
  readonly urgent: boolean;
  /** How often it was handed out on each way since the node started. */
  readonly attempts: Record<NotificationWay, number>;
}

/** Which notifications a reader wants; null stands for all. */
export interface PendingFilter {
  readonly owner: string | null;
  readonly jobId: JobId | null;
}

/** A stretch of the pending notifications. */
export interface PendingPage {
  readonly ids: readonly string[];
  /** Where the next page begins: everything up to this id was looked at. */
  readonly cursor: string;
}

/** All pending notifications in the order of their ids, by job, and by what is dropped first. */
export class PendingIndex {
  readonly #byId = new Map<string, PendingEntry>();
  readonly #byJob = new Map<JobId, Map<string, PendingEntry>>();
  /** Ids by what is dropped first: modifications, what happened to files, ends of jobs. */
  readonly #ranks: readonly Set<string>[] = [new Set(), new Set(), new Set()];
  /** Ids by age; those that are gone are swept out now and then. */
  #ids: string[] = [];

  get size(): number {
    return this.#byId.size;
  }

  /** Adds an entry that is newer than all others. */
  add(entry: PendingEntry): void {
    this.#byId.set(entry.id, entry);
    this.#ranks[rankOf(entry)]?.add(entry.id);
    this.#ids.push(entry.id);
    const ofJob = this.#byJob.get(entry.jobId);
    if (ofJob === undefined) this.#byJob.set(entry.jobId, new Map([[entry.id, entry]]));
    else ofJob.set(entry.id, entry);
  }

  /** Takes an entry out; false when it is not there. */
  remove(id: string): boolean {
    const entry = this.#byId.get(id);
    if (entry === undefined) return false;
    this.#byId.delete(id);
    this.#ranks[rankOf(entry)]?.delete(id);
    const ofJob = this.#byJob.get(entry.jobId);
    ofJob?.delete(id);
    if (ofJob?.size === 0) this.#byJob.delete(entry.jobId);
    if (this.#ids.length > 2 * this.#byId.size + 1000) this.#ids = [...this.#byId.keys()];
    return true;
  }

  get(id: string): PendingEntry | undefined {
    return this.#byId.get(id);
  }

  /** The entries of a job by age. */
  ofJob(jobId: JobId): readonly PendingEntry[] {
    return [...(this.#byJob.get(jobId)?.values() ?? [])];
  }

  /** How many entries a job has. */
  countOf(jobId: JobId): number {
    return this.#byJob.get(jobId)?.size ?? 0;
  }

  /** The oldest entry of a job, or the oldest of some kinds. */
  oldest(jobId: JobId, kinds: readonly string[] | null = null): PendingEntry | null {
    for (const entry of this.#byJob.get(jobId)?.values() ?? []) {
      if (kinds === null || kinds.includes(entry.kind)) return entry;
    }
    return null;
  }

  /** The jobs that have entries. */
  jobs(): readonly JobId[] {
    return [...this.#byJob.keys()];
  }

  /** What is dropped first of all jobs. */
  firstToDrop(): PendingEntry | null {
    for (const rank of this.#ranks) for (const id of rank) return this.#byId.get(id) ?? null;
    return null;
  }

  /** What is dropped first of one job. */
  firstToDropOf(jobId: JobId): PendingEntry | null {
    let first: PendingEntry | null = null;
    for (const entry of this.#byJob.get(jobId)?.values() ?? []) {
      if (first === null || rankOf(entry) < rankOf(first)) first = entry;
    }
    return first;
  }

  /** Up to `limit` ids after `cursor` that the filter lets through. */
  page(filter: PendingFilter, cursor: string, limit: number): PendingPage {
    const ids: string[] = [];
    let last = cursor;
    for (let at = this.#placeAfter(cursor); at < this.#ids.length && ids.length < limit; at++) {
      last = this.#ids[at] as string;
      const entry = this.#byId.get(last);
      if (entry !== undefined && passes(entry, filter)) ids.push(last);
    }
    return { ids, cursor: last };
  }

  #placeAfter(cursor: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as string) <= cursor) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function passes(entry: PendingEntry, filter: PendingFilter): boolean {
  return (filter.owner ?? entry.owner) === entry.owner && (filter.jobId ?? entry.jobId) === entry.jobId;
}

/** How late a notification is dropped: 0 for modifications, 1 for what happened to files, 2 for the ends of jobs. */
export function rankOf(entry: Pick<PendingEntry, 'urgent' | 'kind'>): number {
  if (!entry.urgent) return 0;
  const kinds: readonly string[] = FINAL_KINDS;
  return kinds.includes(entry.kind) ? 2 : 1;
}
