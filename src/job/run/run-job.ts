import { NearbitsError, toNearbitsError } from '../../core/errors.ts';
import type { Delivered } from '../../fetch/delivered.ts';
import { fetchFile } from '../../fetch/fetch-file.ts';
import type { GivenMetalink } from '../../fetch/given-claim.ts';
import { checkFence } from '../check/file.ts';
import type { JobContext } from '../context.ts';
import type { Job } from '../job.ts';
import type { FileRecord } from '../store/job-record.ts';
import type { JobStore } from '../store/job-store.ts';
import { unsealSecrets } from '../store/secrets.ts';
import { TraceLog } from '../store/trace-log.ts';
import { FileRun } from './file-run.ts';
import { originSettings } from './origin-settings.ts';

/** Progress that nobody would want to lose is stored this often; bytes themselves need no storing, their journal does that. */
const SAVE_INTERVAL_MS = 5_000;

/** How a run ended that was not stopped and did not fail. */
export type RunEnd =
  /** All files are there. */
  | 'transferred'
  /** In on-demand mode: everything that was asked for is there, but not whole files. */
  | 'idle';

/** Why a run failed, and where: `cause` is the failure itself. */
export class RunFailure extends Error {
  /** The file that was being fetched, or null. */
  readonly file: number | null;

  constructor(cause: unknown, file: number | null) {
    super('a run of a job failed', { cause });
    this.file = file;
  }
}

/**
 * Fetches the files of a job, one after another, until all are there (BITS: files of a job are transferred
 * sequentially). Files that are added meanwhile take their turn.
 * @throws RunFailure
 */
export async function runJob(job: Job, context: JobContext, signal: AbortSignal): Promise<RunEnd> {
  let index: number | null = null;
  try {
    const secrets = unsealSecrets(context.vault, job.id, job.record.secrets);
    const base = context.origin();
    const origin = base.forJob(originSettings(job.record, secrets));
    try {
      for (index = job.nextFile(); index !== null; index = job.nextFile()) {
        await runFile(job, index, { ...context, fetch: { ...context.fetch, origin } }, signal);
      }
    } finally {
      if (origin !== base) await origin.close();
    }
  } catch (error) {
    throw new RunFailure(error, index);
  }
  return job.allTransferred ? 'transferred' : 'idle';
}

type RunContext = JobContext & { readonly fetch: Parameters<typeof fetchFile>[1] };

async function runFile(job: Job, index: number, context: RunContext, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  job.trace ??= new TraceLog(context.clock, await context.store.trace(job.id));
  await checkFence(job, index);
  const metalink = await givenMetalink(job, index, context.store);
  const task = new FileRun({ job, index, metalink }, context, job.trace, (error) => stop.abort(error));
  const saving = saveNowAndThen(job, context);
  context.emit({ type: 'transfer.started', transferId: job.id, file: index, url: task.request.url });
  try {
    const delivered = await fetchFile(task, context.fetch, either);
    either.throwIfAborted();
    if (delivered !== null) await deliver(job, index, delivered, task, context);
  } catch (error) {
    throw stop.signal.aborted && !signal.aborted ? stop.signal.reason : error;
  } finally {
    saving.stop();
    task.end();
    job.steering = null;
  }
}

/** The Metalink document that was given for the file. @throws NearbitsError E_IO when it is lost. */
async function givenMetalink(job: Job, index: number, store: JobStore): Promise<GivenMetalink | null> {
  const { metalink } = job.record.files[index] as FileRecord;
  if (metalink === null) return null;
  if (metalink.url !== null) return { url: metalink.url };
  const content = await store.metalink(job.id, index);
  if (content !== null) return { content };
  throw new NearbitsError('E_IO', 'the Metalink document that was given for the file is damaged on the disk', {
    hint: 'Cancel the job and make it again.',
  });
}

async function deliver(
  job: Job,
  index: number,
  delivered: Delivered,
  task: FileRun,
  context: JobContext,
): Promise<void> {
  const file = job.record.files[index] as FileRecord;
  file.transferred = true;
  file.bytesTotal = delivered.bytes;
  file.bytesTransferred = delivered.bytes;
  file.version = delivered.version;
  file.lastModifiedMs = delivered.lastModifiedMs;
  file.digest = delivered.sha256;
  file.share = delivered.share;
  job.filled.delete(index);
  await context.recordAndNotify(job, 'file-transferred', { file: index });
  task.tellProgress();
  context.emit({ type: 'job.file-transferred', jobId: job.id, file: index });
  context.changed(job);
}

function saveNowAndThen(job: Job, context: JobContext): { stop(): void } {
  const save = (): void => {
    context.store.save(job).catch((error) => {
      context.log.warn({ err: toNearbitsError(error), job: job.id }, 'the progress of a job could not be stored');
    });
    timer = context.clock.after(SAVE_INTERVAL_MS, save);
  };
  let timer = context.clock.after(SAVE_INTERVAL_MS, save);
  return { stop: () => timer.cancel() };
}
