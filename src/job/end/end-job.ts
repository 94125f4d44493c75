import type { Shareable } from '../../fetch/share.ts';
import type { JobContext } from '../context.ts';
import type { Job } from '../job.ts';
import type { JobTable } from '../job-table.ts';
import type { CallResult } from '../model/view.ts';
import { MAX_ENDED_JOBS } from '../store/job-record.ts';
import { NO_SECRETS, sealSecrets, unsealSecrets } from '../store/secrets.ts';
import type { EndedBy } from './closing.ts';
import { handOver, prepareSharing, removeLeftOvers, share } from './hand-over.ts';

/** A file that goes into the cache after its job was completed. */
interface Waiting {
  readonly index: number;
  readonly shareable: Shareable;
}

/**
 * Hands over the files of a job that are transferred and deletes the others (BITS: Complete). The job is ACKNOWLEDGED
 * once this returns; putting files into the cache for neighbours goes on behind it.
 * @throws NearbitsError when a file could not be moved; those before it are completed, and the call can be made again.
 */
export async function completeJob(
  job: Job,
  by: EndedBy,
  context: JobContext,
  jobs: JobTable,
): Promise<{ readonly code: CallResult['code']; readonly sharing: Promise<void> }> {
  const waiting = await handOverAll(job, context);
  const partial = job.record.files.some((file) => !file.completed);
  const left = await removeLeftOvers(job);
  await finish(job, 'ACKNOWLEDGED', by, context, jobs);
  const sharing = shareAll(job, waiting, context);
  return { code: left ? 'BG_S_UNABLE_TO_DELETE_FILES' : partial ? 'BG_S_PARTIAL_COMPLETE' : 'S_OK', sharing };
}

/** Ends a job without its files (BITS: Cancel); with `keepParts` its part files stay for a later job. */
export async function cancelJob(
  job: Job,
  keepParts: boolean,
  by: EndedBy,
  context: JobContext,
  jobs: JobTable,
): Promise<CallResult['code']> {
  const left = keepParts ? false : await removeLeftOvers(job);
  for (const file of job.record.files) {
    if (file.sharing !== 'pending') continue;
    context.fetch.exchange.withdraw(file.localName);
    file.sharing = 'not-shared';
    file.sharingReason = job.record.error === null ? 'the job was cancelled' : 'the job failed';
  }
  await finish(job, 'CANCELLED', by, context, jobs);
  return left ? 'BG_S_UNABLE_TO_DELETE_FILES' : 'S_OK';
}

async function handOverAll(job: Job, context: JobContext): Promise<Waiting[]> {
  const waiting: Waiting[] = [];
  for (const [index, file] of job.record.files.entries()) {
    if (!file.transferred || file.completed || file.validation === 'invalid') continue;
    const shareable = file.sharing === 'pending' ? await prepareSharing(job, index, context) : null;
    await handOver(job, index, context);
    // BITS: completing a job validates its files.
    file.validation = 'valid';
    job.trace?.note('COMPLETED', `the file is complete at ${file.localName}`, { file: index });
    context.emit({ type: 'transfer.completed', transferId: job.id, file: index });
    if (shareable !== null) waiting.push({ index, shareable: { ...shareable, path: file.localName } });
  }
  return waiting;
}

async function finish(
  job: Job,
  state: 'ACKNOWLEDGED' | 'CANCELLED',
  by: EndedBy,
  context: JobContext,
  jobs: JobTable,
): Promise<void> {
  const from = job.record.state;
  const now = context.clock.wallMs();
  jobs.setState(job, state);
  const secrets = by === 'itself' ? webhookAlone(job, context) : null;
  Object.assign(job.record, { endedMs: now, modifiedMs: now, retryAtMs: null, secrets });
  job.filled.clear();
  await context.store.recordEnd(job);
  jobs.end(job);
  const oldest = jobs.dropOldest(MAX_ENDED_JOBS);
  if (oldest !== null) await context.store.forget(oldest);
  context.emit({ type: 'job.state', jobId: job.id, from, to: state });
  context.emit({ type: 'job.ended', jobId: job.id });
  context.changed(job);
}

/** What a webhook that was not reached yet still needs, and no other secret. */
function webhookAlone(job: Job, { vault }: JobContext): string | null {
  const { webhookSecret } = unsealSecrets(vault, job.id, job.record.secrets);
  return sealSecrets(vault, job.id, { ...NO_SECRETS, webhookSecret });
}

async function shareAll(job: Job, waiting: readonly Waiting[], context: JobContext): Promise<void> {
  for (const { index, shareable } of waiting) await share(job, index, shareable, context);
  for (const file of job.record.files) {
    if (file.sharing !== 'pending') continue;
    file.sharing = 'not-shared';
    file.sharingReason = file.completed
      ? 'it was handed over before the job could be completed'
      : 'the file was not transferred';
  }
  await context.store.recordEnd(job);
  context.changed(job);
}
