import { createHash } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { OriginFile } from '../origin/origin-file.ts';
import { afterFailure } from '../plan/after-failure.ts';
import { PartFile } from '../transfer/part-file.ts';
import { openPart, PART_SUFFIX } from '../transfer/part-paths.ts';
import { WriteQueue } from '../transfer/write-queue.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps } from './deps.ts';
import type { FileTask } from './file-task.ts';
import { requireRanges } from './find-version.ts';

/**
 * Fetches a file in one request from the start, from the origin only: because the origin does not name its size, or
 * because its content is made anew for every request. It can neither be resumed nor searched.
 * @throws NearbitsError
 */
export async function fetchWholeFile(
  file: OriginFile,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Delivered> {
  requireRanges(file, task.request.ranges !== null);
  const why = file.size === null ? 'the origin does not say how large the file is' : 'its content may change each time';
  task.note('WHOLE_FILE', `${why}: fetching it in one go, without neighbours`);
  task.versionKnown(null, null);
  const { destination } = task.request;
  try {
    await PartFile.remove(destination);
    return await deliver(destination, file, task, deps, signal);
  } catch (error) {
    // Nobody could go on with it.
    await PartFile.remove(destination);
    throw error;
  }
}

async function deliver(
  destination: string,
  file: OriginFile,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Delivered> {
  const path = destination + PART_SUFFIX;
  const written = await retrying(task, deps, signal, () => writeTo(path, file, task, deps, signal));
  const { sha256, lastModifiedMs, bytes } = written;
  if (task.request.sha256 !== null && sha256 !== task.request.sha256) {
    throw new NearbitsError('E_VALIDATION_FAILED', 'the file does not match the digest that was asked for', {
      details: { found: sha256 },
    });
  }
  if (lastModifiedMs !== null) await utimes(path, lastModifiedMs / 1000, lastModifiedMs / 1000);
  return { url: file.url, version: null, lastModifiedMs, bytes, sha256, share: file.share };
}

async function retrying<T>(task: FileTask, deps: FetchDeps, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const { originRetries } = deps.policy();
  for (let failures = 1; ; failures++) {
    try {
      return await run();
    } catch (error) {
      const failure = toNearbitsError(error);
      task.note('FETCH_FAILED', `origin: ${failure.message}`, { source: 'origin', code: failure.code });
      const verdict = afterFailure({ kind: 'origin', error: failure, failures, originRetries });
      if (verdict.action !== 'wait') throw failure;
      await deps.clock.sleep(verdict.delayMs, signal);
    }
  }
}

interface Written {
  readonly sha256: string;
  readonly lastModifiedMs: number | null;
  readonly bytes: number;
}

async function writeTo(
  path: string,
  file: OriginFile,
  task: FileTask,
  deps: FetchDeps,
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
      task.progress({ cache: 0, peer: 0, origin: bytes }, bytes);
      return queue.room();
    };
    const { version, share, finalUrl, responseHeaders } = await deps.origin.fetchWhole(file, sink, signal);
    task.originKnown({ ...file, share, finalUrl, responseHeaders });
    await Promise.all(writes);
    task.versionKnown(version, bytes);
    return { sha256: hash.digest('hex'), lastModifiedMs: version.lastModifiedMs, bytes };
  } finally {
    await handle.close();
  }
}
