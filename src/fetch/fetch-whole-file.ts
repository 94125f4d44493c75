import { createHash } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { type Claim, printAnchor } from '../content/anchors.ts';
import { isGiven } from '../content/descriptor.ts';
import { sharedChunks } from '../core/chunk-pool.ts';
import type { OriginAnchors } from '../origin/origin-anchors.ts';
import type { OriginFile } from '../origin/origin-file.ts';
import { placeRanges } from '../transfer/layout.ts';
import { PartBytes } from '../transfer/part-bytes.ts';
import { PartFile } from '../transfer/part-file.ts';
import { openPart, PART_SUFFIX } from '../transfer/part-paths.ts';
import { WriteQueue } from '../transfer/write-queue.ts';
import { type Comparison, compareFile, mismatchOf } from './compare-file.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps } from './deps.ts';
import type { FileTask } from './file-task.ts';
import { findDescriptor, type Subject } from './find-descriptor.ts';
import { requireRanges } from './find-version.ts';
import { retryOrigin } from './retry-origin.ts';

/**
 * Fetches a file in one request from the start, from the origin only: because the origin does not name its size, or
 * because its content is made anew for every request. It can neither be resumed nor searched. What vouches for its content
 * is looked for when it is there, since the answer that brings it says the most; `given` is what the document of the job says.
 * @throws NearbitsError; E_VALIDATION_FAILED when it is not what it must be, for what the origin says after a second try.
 */
export async function fetchWholeFile(
  file: OriginFile,
  given: Claim | null,
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
    for (let isRetry = false; ; isRetry = true) {
      await PartFile.remove(destination);
      const delivered = await deliver({ file, given, isRetry }, task, deps, signal);
      if (delivered !== null) return delivered;
    }
  } catch (error) {
    // Nobody could go on with it.
    await PartFile.remove(destination);
    throw error;
  }
}

interface Attempt {
  readonly file: OriginFile;
  readonly given: Claim | null;
  /** Whether it was fetched again because it was not what the origin says. */
  readonly isRetry: boolean;
}

/** Null when the file has to be fetched once more. */
async function deliver(
  { file, given, isRetry }: Attempt,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Delivered | null> {
  const path = task.request.destination + PART_SUFFIX;
  const written = await retryOrigin(
    () => writeTo(path, file, task, deps, signal),
    ({ code, message }) => task.note('FETCH_FAILED', `origin: ${message}`, { source: 'origin', code }),
    deps,
    signal,
  );
  const { sha256, lastModifiedMs, bytes, anchors } = written;
  const { url } = file;
  const subject = { url, size: bytes, sha256: task.request.sha256, given, file: { ...file, anchors } };
  const comparison = await compare(path, written, subject, task, deps, signal);
  if (comparison?.matches === false) {
    const failure = mismatchOf(comparison, {});
    task.note('DIGEST_MISMATCH', failure.message, failure.details);
    if (isRetry || isGiven(comparison.anchor)) throw failure;
    return null;
  }
  if (comparison !== null)
    task.note('DIGEST_OK', `the file matches ${printAnchor(comparison.anchor)}`, comparison.data);
  if (lastModifiedMs !== null) await utimes(path, lastModifiedMs / 1000, lastModifiedMs / 1000);
  return { url, version: null, lastModifiedMs, bytes, sha256, share: file.share };
}

async function compare(
  path: string,
  { sha256, bytes }: Written,
  subject: Subject,
  { note }: FileTask,
  { clock, origin }: FetchDeps,
  signal: AbortSignal,
): Promise<Comparison | null> {
  const descriptor = await findDescriptor(subject, { clock, origin, note }, signal);
  await using file = await openPart(path, false);
  const placed = new PartBytes(file, placeRanges([{ start: 0, end: bytes }]));
  const hashable = { digest: async () => sha256, hashOf: placed.hashOf.bind(placed) };
  return await compareFile(hashable, descriptor, null, signal);
}

interface Written {
  readonly sha256: string;
  readonly lastModifiedMs: number | null;
  readonly bytes: number;
  /** What the answer that brought it says about the content. */
  readonly anchors: OriginAnchors;
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
    const { version, share, anchors, finalUrl, responseHeaders } = await deps.origin.fetchWhole(file, sink, signal);
    task.originKnown({ ...file, share, finalUrl, responseHeaders });
    await Promise.all(writes);
    task.versionKnown(version, bytes);
    return { sha256: hash.digest('hex'), lastModifiedMs: version.lastModifiedMs, bytes, anchors };
  } finally {
    await handle.close();
  }
}
