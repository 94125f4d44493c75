import type { Cache } from '../cache/cache.ts';
import type { CacheRecord } from '../cache/record.ts';
import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import { hasValidator } from '../core/file-version.ts';
import type { Piece } from '../core/pieces.ts';
import type { ShareVerdict } from '../origin/share.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps, Sharing } from './deps.ts';

/** A delivered file as it lies on the disk, for the cache. */
export interface Shareable {
  readonly delivered: Delivered;
  /** Where the bytes lie now: under the temporary name or the final one. */
  readonly path: string;
  /** Ranges of the origin file in the order of writing. */
  readonly ranges: readonly ByteRange[];
  /** Whether that is the whole file. */
  readonly whole: boolean;
  readonly pieces: readonly Piece[];
  readonly pieceSize: number;
}

/** Why a file is not for others, or null. */
export function whyNotShared(
  { version, sha256, share }: Pick<Delivered, 'version' | 'sha256'> & { readonly share: ShareVerdict },
  wanted: boolean,
  cache: Sharing<Cache>,
  bytes: number,
): string | null {
  if (!wanted) return 'the caller does not want it';
  if (!cache.on) return cache.reason;
  if (version === null) return 'the origin named no size, so its version cannot be told';
  if (!share.allowed) return share.reason;
  if (bytes === 0) return 'the file is empty';
  if (!hasValidator(version) && sha256 === null)
    return 'the origin gives neither an ETag nor a date, so its version cannot be told';
  return null;
}

/**
 * Puts a delivered file into the cache, validated, so that neighbours can have it (BITS: completing a job validates
 * its files). Returns the record, which may have been there before.
 * @throws NearbitsError E_CACHE_FULL, E_IO, E_CANCELLED
 */
export async function shareFile(
  file: Shareable,
  deps: Pick<FetchDeps, 'cache'>,
  signal: AbortSignal,
): Promise<CacheRecord> {
  const { cache } = deps;
  const { url, version } = file.delivered;
  if (version === null) throw new Error('a file without a version cannot be shared');
  const held = cache.find({ url, version, sha256: null });
  const known = held.find((record) => file.ranges.every((range) => record.ranges.covers(range)));
  if (known !== undefined) return known;
  await using reservation = await cache.reserve(file.ranges.reduce((sum, range) => sum + rangeLength(range), 0));
  const source = { path: file.path, ranges: file.ranges };
  // A digest of parts of a file says nothing about the whole one.
  const sha256 = file.whole ? file.delivered.sha256 : null;
  const { pieces, pieceSize } = file;
  return cache.admit({ url, version, pieceSize, pieces, sha256, state: 'valid', source }, reservation, signal);
}
