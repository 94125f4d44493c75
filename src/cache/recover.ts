import { lstat } from 'node:fs/promises';
import { systemErrorCode } from '../core/errors.ts';
import type { RecordId } from '../core/ids.ts';
import type { FoundFile } from './content-files.ts';
import type { CacheParts } from './parts.ts';

/** Files looked at together, so that a large cache does not wait for each one alone. */
const STATS_AT_ONCE = 64;

/** A record whose content is not what the index says. */
export interface DamagedRecord {
  readonly id: RecordId;
  readonly problem: string;
}

/** What comparing files and index found. */
export interface Comparison {
  /** Files that no record knew; removed. */
  readonly orphans: number;
  /** Records whose file is missing or of the wrong length; for the caller to remove. */
  readonly damaged: readonly DamagedRecord[];
}

/** Removes what copies that were cut short left behind. */
export async function clearIncoming({ files, emit }: CacheParts): Promise<void> {
  const count = await files.clearIncoming();
  if (count > 0) emit({ type: 'cache.repaired', problem: 'unfinished copies', count });
}

/**
 * Fills the catalog from the index, least recently used first, and removes entries of
 * the index that belong to no whole record.
 */
export async function loadIndex({ catalog, index, emit }: CacheParts): Promise<void> {
  const times = await index.accessTimes();
  const hashed = await index.idsWithHashes();
  const useless = new Set([...times.keys(), ...hashed]);
  for await (const [id, stored] of index.entries()) {
    if (!hashed.has(id)) {
      useless.add(id);
      continue;
    }
    useless.delete(id);
    catalog.add(id as RecordId, stored, times.get(id) ?? stored.createdMs);
  }
  catalog.orderByAccess();
  if (useless.size === 0) return;
  await index.delete([...useless]);
  emit({ type: 'cache.repaired', problem: 'incomplete index entries', count: useless.size });
}

/** Compares every file with the catalog and back. Safe while the cache is in use. */
export async function compareFiles(parts: CacheParts): Promise<Comparison> {
  const { catalog, files } = parts;
  const unseen = new Set(catalog.ids());
  const damaged: DamagedRecord[] = [];
  let orphans = 0;
  for await (const batch of files.scan()) {
    for (let start = 0; start < batch.length; start += STATS_AT_ONCE) {
      const looks = await Promise.all(batch.slice(start, start + STATS_AT_ONCE).map(look));
      for (const { file, bytes } of looks) {
        const id = file.name as RecordId;
        const expected = file.path === files.pathOf(id) ? catalog.get(id)?.fileBytes : undefined;
        if (expected === undefined) {
          if (await removeOrphan(file, bytes, parts)) orphans++;
          continue;
        }
        unseen.delete(id);
        if (bytes !== expected) damaged.push({ id, problem: `its file has ${bytes} bytes instead of ${expected}` });
      }
    }
  }
  for (const id of unseen) {
    if (catalog.get(id) !== undefined) damaged.push({ id, problem: 'its file is missing' });
  }
  if (orphans > 0) parts.emit({ type: 'cache.repaired', problem: 'files without a record', count: orphans });
  return { orphans, damaged };
}

async function removeOrphan(file: FoundFile, bytes: Look['bytes'], { files, leases }: CacheParts): Promise<boolean> {
  // A file that is being put in its place has no record yet, one that is still read or about to be removed none any more.
  if (bytes === 'none' || files.isBusyWith(file.name) || leases.has(file.name as RecordId)) return false;
  await files.removeFound(file);
  return true;
}

interface Look {
  readonly file: FoundFile;
  /** Its length; `other` when it is no regular file, `none` when it is gone by now. */
  readonly bytes: number | 'other' | 'none';
}

async function look(file: FoundFile): Promise<Look> {
  try {
    const stats = await lstat(file.path);
    return { file, bytes: stats.isFile() ? stats.size : 'other' };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { file, bytes: 'none' };
    throw error;
  }
}
