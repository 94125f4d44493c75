import { sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError } from '../core/errors.ts';
import type { RecordId } from '../core/ids.ts';
import type { CacheParts } from './parts.ts';
import type { CacheReader } from './reader.ts';
import { compareFiles, type DamagedRecord } from './recover.ts';

/** One step of a verification. */
export interface VerifyStep {
  readonly name: 'compare files with the index' | 'compare content with its hashes';
  readonly durationMs: number;
  /** What it found wrong and put right. */
  readonly repaired: number;
}

/** What a verification found. */
export interface VerifyReport {
  readonly steps: readonly VerifyStep[];
  /** Records whose content was read. */
  readonly checked: number;
  /** Bytes that were read. */
  readonly bytes: number;
  /** Records that were not what the index says; they are removed. */
  readonly damaged: readonly DamagedRecord[];
}

/** What a verification works with. */
export interface VerifyDeps {
  readonly parts: CacheParts;
  /** Leases a record without counting that as an access, or null when it is gone. */
  readonly lease: (id: RecordId) => Promise<CacheReader | null>;
  readonly removeDamaged: (records: readonly DamagedRecord[]) => Promise<void>;
}

/**
 * Proves the cache, in two steps: every file belongs to a record and every record has its file;
 * then the content of every record matches its hashes, one record after the other.
 */
export async function verifyCache(deps: VerifyDeps, signal: AbortSignal): Promise<VerifyReport> {
  const { clock, catalog } = deps.parts;
  const startMs = clock.monotonicMs();
  const { orphans, damaged: unlike } = await compareFiles(deps.parts);
  await deps.removeDamaged(unlike);
  const readingMs = clock.monotonicMs();
  const damaged: DamagedRecord[] = [];
  let checked = 0;
  let bytes = 0;
  for (const id of catalog.ids()) {
    signal.throwIfAborted();
    const result = await readAll(id, deps, signal);
    if (result === null) continue;
    checked++;
    if (typeof result === 'number') bytes += result;
    else damaged.push(result);
  }
  return {
    steps: [
      {
        name: 'compare files with the index',
        durationMs: readingMs - startMs,
        repaired: orphans + unlike.length,
      },
      {
        name: 'compare content with its hashes',
        durationMs: clock.monotonicMs() - readingMs,
        repaired: damaged.length,
      },
    ],
    checked,
    bytes,
    damaged: [...unlike, ...damaged],
  };
}

/** Bytes read of a good record, what is wrong with a bad one, null when it is gone by now. */
async function readAll(id: RecordId, deps: VerifyDeps, signal: AbortSignal): Promise<number | DamagedRecord | null> {
  try {
    await using reader = await deps.lease(id);
    if (reader === null) return null;
    for (const range of reader.record.ranges.ranges)
      await reader.read(range, (chunk) => sharedChunks.giveBack(chunk), signal);
    return reader.record.bytes;
  } catch (error) {
    if (error instanceof NearbitsError && error.code === 'E_CACHE_DAMAGED') return { id, problem: error.message };
    throw error;
  }
}
