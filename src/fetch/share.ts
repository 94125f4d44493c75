import type { Cache } from '../cache/cache.ts';
import { rangeLength } from '../core/byte-range.ts';
import { toNearbitsError } from '../core/errors.ts';
import { hasValidator } from '../core/file-version.ts';
import { printBytes } from '../core/units.ts';
import type { Delivered } from './delivered.ts';
import type { JobDeps } from './deps.ts';
import type { TransferJob } from './transfer-job.ts';
import type { Wish } from './wish.ts';

/**
 * Puts a delivered file into the cache, validated, so that neighbours can have
 * it (BITS: completing a job validates its files). The transfer is complete
 * already; whatever hinders the sharing is noted and does not fail it.
 */
export async function shareDelivered(
  delivered: Delivered,
  job: TransferJob,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<void> {
  const cache = deps.shareInto();
  const reason = whyNot(delivered, job, cache);
  if (reason !== null || !cache.on || delivered.wish === null) {
    job.notShared(reason ?? 'there is nothing to share');
    job.note('NOT_SHARED', `neighbours cannot have it: ${reason}`);
    return;
  }
  try {
    await admit(delivered, delivered.wish, job, cache.use, deps, signal);
  } catch (error) {
    const failure = toNearbitsError(error);
    job.notShared(failure.message);
    job.note('NOT_SHARED', `it could not be put into the cache: ${failure.message}`, { code: failure.code });
  }
}

function whyNot(
  { wish, sha256, share }: Delivered,
  job: TransferJob,
  cache: ReturnType<JobDeps['shareInto']>,
): string | null {
  if (!job.request.share) return 'the caller does not want it';
  if (!cache.on) return cache.reason;
  if (wish === null) return 'the origin named no size, so its version cannot be told';
  if (!share.allowed) return share.reason;
  if (wish.ranges.every((range) => rangeLength(range) === 0)) return 'the file is empty';
  if (!hasValidator(wish.version) && sha256 === null)
    return 'the origin gives neither an ETag nor a date, so its version cannot be told';
  return null;
}

async function admit(
  delivered: Delivered,
  wish: Wish,
  job: TransferJob,
  cache: Cache,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<void> {
  const bytes = wish.ranges.reduce((sum, range) => sum + rangeLength(range), 0);
  const held = cache.find({ url: wish.url, version: wish.version, sha256: null });
  const known = held.find((record) => wish.ranges.every((range) => record.ranges.covers(range)));
  if (known !== undefined) {
    job.shared();
    job.note('SHARED', 'neighbours can have it already', { record: known.id });
    deps.emit({ type: 'transfer.shared', transferId: job.id, recordId: known.id });
    return;
  }
  const { pieces, pieceSize } = delivered;
  await using reservation = await cache.reserve(bytes);
  const source = { path: job.request.destination, ranges: wish.ranges };
  // A digest of parts of a file says nothing about the whole one.
  const sha256 = job.request.ranges === undefined ? delivered.sha256 : null;
  const content = { url: wish.url, version: wish.version, pieceSize, pieces, sha256, state: 'valid', source } as const;
  const record = await cache.admit(content, reservation, signal);
  job.shared();
  job.note('SHARED', `neighbours can have it from now on (${printBytes(record.bytes)})`, { record: record.id });
  deps.emit({ type: 'transfer.shared', transferId: job.id, recordId: record.id });
}
