import { open } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import { isSettled } from '../job/model/settled.ts';
import type { JobFileView } from '../job/model/view.ts';
import type { JobCalls } from './job-calls.ts';
import { JobChanges } from './job-changes.ts';
import { whyNotTransferred } from './job-watch.ts';

/** Bytes handed over at once. */
const CHUNK_BYTES = 256 * 1024;

/** A part of a local file that can be read now; `end` is exclusive. */
interface Stretch {
  readonly path: string;
  readonly end: number;
}

/**
 * Reads a file of a job from `start` to its end while it is being fetched. Where bytes are missing it asks the job to
 * fetch them first, and waits. A file that is made of ranges is read once all of it is there.
 * @throws NearbitsError the error of the job; BG_E_INVALID_STATE when it is suspended before the bytes are there;
 * BG_E_REMOTE_FILE_CHANGED when the origin exchanged the file meanwhile; E_INVALIDARG for an index without file; E_IO.
 */
export async function* readJobFile(
  calls: JobCalls,
  id: string,
  index: number,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const changes = await JobChanges.open(calls, id, signal);
  try {
    let version: JobFileView['version'] = null;
    let told: number | null = null;
    for (let position = start; ; ) {
      // The job before its file: what the file shows then is at least as new as the state.
      const job = await calls.get(id, signal);
      const file = await calls.file(id, index, signal);
      version = sameVersion(version, file);
      if (file.transferred && position >= sizeOf(file)) return;
      const stretch = await readable(calls, id, file, position, signal);
      if (stretch === null && isSettled(job) && job.state !== 'TRANSFERRED') throw whyNotTransferred(job);
      const before = position;
      if (stretch !== null) {
        for await (const bytes of readStretch(stretch, position)) {
          position += bytes.length;
          yield bytes;
        }
      }
      if (position > before) continue;
      if (file.completed) throw new NearbitsError('E_IO', `${file.localName} is gone, or shorter than it was`);
      if (told !== position && !file.transferred) await calls.updateDownloadPosition(id, index, position, signal);
      told = position;
      await changes.next();
    }
  } finally {
    changes.close();
  }
}

/** @throws NearbitsError when the file is another one than what was read so far. */
function sameVersion(known: JobFileView['version'], { index, version }: JobFileView): JobFileView['version'] {
  if (known === null || version === null) return known ?? version;
  if (isDeepStrictEqual(known, version)) return known;
  throw new NearbitsError('BG_E_REMOTE_FILE_CHANGED', `file ${index} changed at its origin while it was read`, {
    hint: 'Read it again from the start.',
    details: { file: index },
  });
}

function sizeOf({ bytesTotal, bytesTransferred }: JobFileView): number {
  return bytesTotal ?? bytesTransferred;
}

/** What can be read at a position now, or null. */
async function readable(
  calls: JobCalls,
  id: string,
  file: JobFileView,
  position: number,
  signal: AbortSignal | undefined,
): Promise<Stretch | null> {
  if (file.completed) return { path: file.localName, end: sizeOf(file) };
  if (file.transferred) return { path: file.temporaryName ?? file.localName, end: sizeOf(file) };
  // Of a file made of ranges, the filled ranges say nothing about places in the local file.
  if (file.temporaryName === null || file.ranges !== null) return null;
  const filled = await calls.filledRanges(id, file.index, signal);
  const here = filled.find(({ offset, length }) => offset <= position && position < offset + length);
  return here === undefined ? null : { path: file.temporaryName, end: here.offset + here.length };
}

/** Yields what is there; nothing when the file was renamed meanwhile, so that the caller looks again. */
async function* readStretch({ path, end }: Stretch, start: number): AsyncGenerator<Uint8Array> {
  try {
    await using handle = await open(path);
    for (let position = start; position < end; ) {
      const bytes = new Uint8Array(Math.min(CHUNK_BYTES, end - position));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield bytes.subarray(0, bytesRead);
    }
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw toNearbitsError(error, 'E_IO');
  }
}
