import { lstatSync } from 'node:fs';
import { setImmediate as giveWay } from 'node:timers/promises';
import type { RecordId } from '../core/ids.ts';
import type { FoundFile } from './content-files.ts';
import type { CacheParts } from './parts.ts';
import { SortedWalk } from './sorted-walk.ts';

/**
 * Files looked at before other work has its turn. Looking without promises is four times as fast,
 * which counts with 100,000 files; 16 looks take less than a millisecond unless the disk is slow.
 */
const LOOKS_AT_ONCE = 16;

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
  const useless = new Set<string>();
  const times = new SortedWalk(index.accessTimes(), (id) => useless.add(id));
  const hashes = new SortedWalk(index.hashedIds(), (id) => useless.add(id));
  for await (const [id, stored] of index.entries()) {
    const timeMs = await times.valueOf(id);
    if (await hashes.valueOf(id)) catalog.add(id as RecordId, stored, timeMs ?? stored.createdMs);
    else useless.add(id);
  }
  await times.finish();
  await hashes.finish();
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
    for (let start = 0; start < batch.length; start += LOOKS_AT_ONCE) {
      await giveWay();
      for (const file of batch.slice(start, start + LOOKS_AT_ONCE)) {
        const bytes = look(file);
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

async function removeOrphan(file: FoundFile, bytes: Look, { files, leases }: CacheParts): Promise<boolean> {
  // A file that is being put in its place has no record yet, one that is still read or about to be removed none any more.
  if (bytes === 'none' || files.isBusyWith(file.name) || leases.has(file.name as RecordId)) return false;
  await files.removeFound(file);
  return true;
}

/** Length of a file; `other` when it is no regular file, `none` when it is gone by now. */
type Look = number | 'other' | 'none';

function look(file: FoundFile): Look {
  const stats = lstatSync(file.path, { throwIfNoEntry: false });
  if (stats === undefined) return 'none';
  return stats.isFile() ? stats.size : 'other';
}
