import { access } from 'node:fs/promises';
import { NearbitsError, toNearbitsError } from '../../core/errors.ts';
import { printBytes } from '../../core/units.ts';
import { checkDestination } from '../../fetch/destination.ts';
import { type Shareable, shareFile, whyNotShared } from '../../fetch/share.ts';
import type { ShareVerdict } from '../../origin/share.ts';
import { PartFile } from '../../transfer/part-file.ts';
import { PART_SUFFIX } from '../../transfer/part-paths.ts';
import { checkFence } from '../check/file.ts';
import type { JobContext } from '../context.ts';
import { type Job, wantedRanges } from '../job.ts';
import { PEER_CACHING } from '../model/properties.ts';
import type { FileRecord } from '../store/job-record.ts';

/**
 * Moves a transferred file from its temporary name to its own in one step. A note in the store comes first, so that
 * after a crash between the two it is known that the rename may have happened.
 * @throws NearbitsError E_DESTINATION, E_IO; the file stays under its temporary name then.
 */
export async function handOver(job: Job, index: number, context: JobContext): Promise<void> {
  const file = job.record.files[index] as FileRecord;
  await checkFence(job, index);
  if (!job.record.properties.highPerformance) {
    await checkDestination(file.localName, file.overwrite);
    file.handingOver = true;
    await context.store.save(job);
    await rename(file, () => noteCompleted(job, file, context));
  } else await noteCompleted(job, file, context);
}

async function noteCompleted(job: Job, file: FileRecord, context: JobContext): Promise<void> {
  file.handingOver = false;
  file.completed = true;
  await context.store.record(job);
}

async function rename(file: FileRecord, noted: () => Promise<void>): Promise<void> {
  try {
    await PartFile.handOver(file.localName, noted);
  } catch (error) {
    file.handingOver = false;
    const { code, message } = toNearbitsError(error);
    // Somebody edited or removed the temporary file: what is there is not what was transferred.
    if (code === 'E_VALIDATION_FAILED' || code === 'E_NOT_FOUND') file.transferred = false;
    throw new NearbitsError('E_DESTINATION', `${file.localName} could not be put in its place: ${message}`, {
      cause: error,
      hint: file.transferred
        ? 'Mend what is in the way and complete the job again; nothing is lost.'
        : 'Resume the job to fetch the file again, then complete it.',
    });
  }
}

/** After a crash: finishes the rename that was announced, or finds out that it happened. `store` stores the job. */
export async function settleHandOver(file: FileRecord, store: () => Promise<void>): Promise<void> {
  if (!file.handingOver) return;
  file.handingOver = false;
  try {
    // Without a version there is no journal that tells one file from another: only the names can be looked at.
    if (file.version !== null) await PartFile.handOver(file.localName, () => settled(file, store));
    else if (await wasMoved(file.localName)) await settled(file, store);
  } catch {
    // The file is where it was before; completing the job again says what is wrong.
  }
}

async function settled(file: FileRecord, store: () => Promise<void>): Promise<void> {
  file.completed = true;
  file.validation = 'valid';
  await store();
}

async function wasMoved(destination: string): Promise<boolean> {
  return !(await exists(destination + PART_SUFFIX)) && (await exists(destination));
}

/**
 * Removes what is left of files that were not handed over, and the journals that a crash left beside those that were.
 * Returns whether something could not be deleted.
 */
export async function removeLeftOvers(job: Job): Promise<boolean> {
  let left = false;
  for (const file of job.record.files) {
    // What lies at the destination of a completed file is the owner's.
    const direct = job.record.properties.highPerformance && !file.completed;
    if (await isLeft(file, direct)) left = true;
  }
  return left;
}

async function isLeft(file: FileRecord, direct: boolean): Promise<boolean> {
  try {
    return await PartFile.remove(file.localName, { direct });
  } catch {
    return true; // The folder may be gone or closed to us: the caller is told that something is left.
  }
}

/**
 * Decides whether neighbours may have a file and prepares what the cache needs for it, while its journal is still
 * there; null when they may not, with the reason in the record.
 */
export async function prepareSharing(job: Job, index: number, context: JobContext): Promise<Shareable | null> {
  const file = job.record.files[index] as FileRecord;
  const into = context.fetch.shareInto();
  const wanted = (job.record.properties.peerCachingFlags & PEER_CACHING.server) !== 0;
  const share = (file.share ?? { allowed: true }) as ShareVerdict;
  const delivered = {
    url: file.remoteUrl,
    version: file.version,
    lastModifiedMs: file.lastModifiedMs,
    bytes: file.bytesTransferred,
    sha256: file.digest,
    share,
  };
  const reason = whyNotShared(delivered, wanted, into, file.bytesTransferred);
  if (reason !== null || file.version === null)
    return notShared(job, file, context, reason ?? 'there is nothing to share');
  const whole = file.ranges === null;
  const ranges = wantedRanges(file, file.version.size);
  const target = { destination: file.localName, url: file.partUrl ?? file.remoteUrl, version: file.version, ranges };
  const sealed = await PartFile.readSealed(target);
  if (sealed === null) return notShared(job, file, context, 'its pieces are not known any more');
  return { delivered, path: file.localName + PART_SUFFIX, ranges, whole, ...sealed };
}

/** Puts a file into the cache for the neighbours; whatever hinders that is noted and harms nothing. */
export async function share(job: Job, index: number, shareable: Shareable, context: JobContext): Promise<void> {
  const file = job.record.files[index] as FileRecord;
  try {
    const record = await shareFile(shareable, context.fetch, context.stopping);
    context.fetch.exchange.shared(file.localName, record, shareable.pieces);
    file.sharing = 'shared';
    file.sharingReason = null;
    const text = `neighbours can have it from now on (${printBytes(record.bytes)})`;
    job.trace?.note('SHARED', text, { record: record.id, file: index });
    context.emit({ type: 'transfer.shared', transferId: job.id, file: index, recordId: record.id });
  } catch (error) {
    const failure = toNearbitsError(error);
    notShared(job, file, context, failure.message);
  }
}

function notShared(job: Job, file: FileRecord, context: JobContext, reason: string): null {
  context.fetch.exchange.withdraw(file.localName);
  file.sharing = 'not-shared';
  file.sharingReason = reason;
  job.trace?.note('NOT_SHARED', `neighbours cannot have it: ${reason}`);
  return null;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
