import { createHash } from 'node:crypto';
import { rename, utimes } from 'node:fs/promises';
import { sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { OriginFile } from '../origin/origin-file.ts';
import { afterFailure } from '../plan/after-failure.ts';
import { openPart, PART_SUFFIX, PartFile } from '../transfer/part-file.ts';
import { WriteQueue } from '../transfer/write-queue.ts';
import type { Delivered } from './delivered.ts';
import type { JobDeps } from './deps.ts';
import { checkDestination } from './destination.ts';
import { requireRanges } from './find-version.ts';
import type { TransferJob } from './transfer-job.ts';

/**
 * Fetches a file whose size the origin does not name: in one go, from the
 * origin only. It can neither be resumed nor searched, because without a size there is no version to compare.
 * @throws NearbitsError
 */
export async function fetchWholeFile(
  file: OriginFile,
  job: TransferJob,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<Delivered> {
  requireRanges(file, job.request.ranges !== undefined);
  job.note('WHOLE_FILE', 'the origin does not say how large the file is: fetching it in one go, without neighbours');
  job.versionKnown(null, null);
  const { destination } = job.request;
  try {
    await PartFile.remove(destination);
    const sha256 = await deliver(destination, file, job, deps, signal);
    return { wish: null, pieces: [], pieceSize: 0, sha256, share: file.share };
  } catch (error) {
    // Nobody could go on with it.
    await PartFile.remove(destination);
    throw error;
  }
}

async function deliver(
  destination: string,
  file: OriginFile,
  job: TransferJob,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<string> {
  const path = destination + PART_SUFFIX;
  const { sha256, lastModifiedMs } = await retrying(job, deps, signal, () => writeTo(path, file, job, deps, signal));
  if (job.request.sha256 !== undefined && sha256 !== job.request.sha256) {
    throw new NearbitsError('E_VALIDATION_FAILED', 'the file does not match the digest that was asked for', {
      details: { found: sha256 },
    });
  }
  if (lastModifiedMs !== null) await utimes(path, lastModifiedMs / 1000, lastModifiedMs / 1000);
  await checkDestination(destination, job.request.overwrite);
  await deps.beforeHandOver(job);
  await rename(path, destination);
  return sha256;
}

async function retrying<T>(job: TransferJob, deps: JobDeps, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const { originRetries } = deps.policy();
  for (let failures = 1; ; failures++) {
    try {
      return await run();
    } catch (error) {
      const failure = toNearbitsError(error);
      job.note('FETCH_FAILED', `origin: ${failure.message}`, { source: 'origin', code: failure.code });
      const verdict = afterFailure({ kind: 'origin', error: failure, failures, originRetries });
      if (verdict.action !== 'wait') throw failure;
      await deps.clock.sleep(verdict.delayMs, signal);
    }
  }
}

interface Written {
  readonly sha256: string;
  readonly lastModifiedMs: number | null;
}

async function writeTo(
  path: string,
  file: OriginFile,
  job: TransferJob,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<Written> {
  const handle = await openPart(path, true);
  try {
    const queue = new WriteQueue(handle);
    const hash = createHash('sha256');
    const writes = new Set<Promise<void>>();
    let bytes = 0;
    const sink = (chunk: Uint8Array) => {
      hash.update(chunk);
      const write = queue.write([chunk], bytes).then(() => sharedChunks.giveBack(chunk));
      // A failed write shows again at the next room(), and in the end below.
      void write.catch(() => undefined).then(() => writes.delete(write));
      writes.add(write);
      bytes += chunk.byteLength;
      job.progress({ cache: 0, peer: 0, origin: bytes }, bytes);
      return queue.room();
    };
    const { version } = await deps.origin.fetchWhole(file, sink, signal);
    await Promise.all(writes);
    job.versionKnown(version, bytes);
    return { sha256: hash.digest('hex'), lastModifiedMs: version.lastModifiedMs };
  } finally {
    await handle.close();
  }
}
