import { basename, resolve } from 'node:path';
import { NearbitsError } from '../core/errors.ts';
import type { JobPropertiesInput } from '../job/model/properties.ts';
import type { JobFileRequestInput, JobView } from '../job/model/view.ts';
import type { JobCalls } from './job-calls.ts';
import { watchJob, whyNotTransferred } from './job-watch.ts';

/** One file to fetch in one go; properties of a job may be given too, but for autoComplete, which is the opposite of waiting. */
export interface JobTransferInput
  extends Partial<Omit<JobPropertiesInput, 'autoComplete'>>,
    Pick<JobFileRequestInput, 'ranges' | 'sha256' | 'metalink' | 'overwrite'> {
  readonly url: string;
  /** File to write; a relative path counts from the working directory of this process. */
  readonly destination: string;
}

/** How a one-shot transfer is followed and stopped. */
export interface JobTransferOptions {
  /** Cancels the job when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the job whenever it got further. */
  readonly onProgress?: ((job: JobView) => void) | undefined;
}

/** The longest display name of a job. */
const MAX_NAME = 256;

/**
 * Fetches one URL into one file: makes a job, waits for it, completes it. A job that does not get there is cancelled, so
 * that nothing of it stays; only when the node goes away the job lives on.
 * @throws NearbitsError with the code of the job's error; E_CANCELLED when the signal aborts.
 */
export async function transferOne(
  calls: JobCalls,
  { url, destination, ranges, sha256, metalink, overwrite, ...properties }: JobTransferInput,
  { signal, onProgress }: JobTransferOptions,
): Promise<JobView> {
  if (signal?.aborted === true) throw new NearbitsError('E_CANCELLED', 'the transfer was stopped before it began');
  const localName = resolve(destination);
  const displayName = basename(localName)
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, MAX_NAME);
  const file = { remoteUrl: url, localName, ranges, sha256, metalink, overwrite };
  // Without the signal: a job whose id never came back could not be cancelled.
  const { id } = await calls.create({ displayName, ...properties, files: [file], resume: true });
  try {
    for await (const view of watchJob(calls, id, signal)) {
      onProgress?.(view);
      if (view.state === 'ACKNOWLEDGED') return view;
      if (view.state === 'ERROR' || view.state === 'CANCELLED') throw whyNotTransferred(view);
    }
    return (await calls.complete(id)).job;
  } catch (error) {
    await calls.cancel(id).catch(() => {}); // it may have ended, or the node is gone; what went wrong first is told
    throw error;
  }
}
