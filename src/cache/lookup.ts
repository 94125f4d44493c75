import { type FileVersion, hasValidator, sameVersion } from '../core/file-version.ts';
import type { RecordId } from '../core/ids.ts';
import type { CacheParts } from './parts.ts';
import { type CacheRecord, toRecord } from './record.ts';

/** Which content is wanted. */
export interface CacheQuery {
  readonly url: string;
  /** The version wanted, or null for any. */
  readonly version: FileVersion | null;
  /** SHA-256 of the whole file, lower-case hex; when given, it alone decides. */
  readonly sha256: string | null;
}

/** Which records are listed. */
export interface CachePage {
  /** Only records of this URL. */
  readonly url?: string;
  /** Only records whose id sorts after this one. */
  readonly after?: RecordId;
  /** At most this many. */
  readonly limit?: number;
}

type Known = Pick<CacheParts, 'catalog' | 'index'>;

/** The record, or null when there is none. */
export function getRecord({ catalog, index }: Known, id: RecordId): CacheRecord | null {
  const summary = catalog.get(id);
  const stored = summary === undefined ? undefined : index.get(id);
  if (summary === undefined || stored === undefined) return null;
  return toRecord(id, { ...stored, state: summary.state }, summary.lastAccessMs);
}

/** Valid records of the content wanted, newest version first. */
export function findRecords(known: Known, { url, version, sha256 }: CacheQuery): CacheRecord[] {
  const ids = sha256 === null ? known.catalog.maybeOfUrl(url) : known.catalog.maybeOfDigest(sha256);
  const isWanted = (record: CacheRecord): boolean => {
    if (sha256 !== null) return record.sha256 === sha256;
    return record.url === url && (version === null || sameVersion(record.version, version));
  };
  return present(known, ids)
    .filter((record) => record.state === 'valid' && isWanted(record))
    .sort(newestFirst);
}

/** Records of any state in the order of their ids. */
export async function listRecords(known: Known, page: CachePage): Promise<CacheRecord[]> {
  const { url, after, limit = Number.POSITIVE_INFINITY } = page;
  if (url !== undefined) {
    return recordsOfUrl(known, url)
      .filter(({ id }) => after === undefined || id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }
  const records: CacheRecord[] = [];
  for await (const [key, stored] of known.index.entries(after === undefined ? {} : { after })) {
    if (records.length >= limit) break;
    const id = key as RecordId;
    const summary = known.catalog.get(id);
    if (summary !== undefined) {
      records.push(toRecord(id, { ...stored, state: summary.state }, summary.lastAccessMs));
    }
  }
  return records;
}

/** Records of that URL, whatever their state and version. */
export function recordsOfUrl(known: Known, url: string): CacheRecord[] {
  return present(known, known.catalog.maybeOfUrl(url)).filter((record) => record.url === url);
}

/** Valid records that nobody needs beside the given one: same version, and nothing in them that it lacks. */
export function recordsInside(known: Known, whole: CacheRecord): CacheRecord[] {
  return findRecords(known, { url: whole.url, version: whole.version, sha256: null }).filter(
    (other) =>
      other.id !== whole.id &&
      whole.ranges.coversAll(other.ranges) &&
      (other.sha256 === whole.sha256 || (other.sha256 === null && hasValidator(other.version))),
  );
}

function present(known: Known, ids: readonly RecordId[]): CacheRecord[] {
  return ids.map((id) => getRecord(known, id)).filter((record) => record !== null);
}

function newestFirst(a: CacheRecord, b: CacheRecord): number {
  const byDate = (b.version.lastModifiedMs ?? 0) - (a.version.lastModifiedMs ?? 0);
  return byDate === 0 ? b.createdMs - a.createdMs : byDate;
}
