import type { JobNotification } from '../../../src/job/model/view.ts';
import type { JobApi } from './job-api.ts';

/** Reads the notifications a caller gets (of one job when it is given) until one is the last that is wanted. */
export async function toldUntil(
  api: JobApi,
  isLast: (note: JobNotification) => boolean,
  jobId?: string,
): Promise<JobNotification[]> {
  const stop = new AbortController();
  const told: JobNotification[] = [];
  for await (const note of api.notifications(stop.signal, jobId)) {
    told.push(note);
    if (isLast(note)) stop.abort();
  }
  return told;
}

/** The kinds of what is told about a job, up to one of the kind `last`. */
export async function kindsUntil(api: JobApi, jobId: string, last: JobNotification['kind']): Promise<string[]> {
  return (await toldUntil(api, ({ kind }) => kind === last, jobId)).map(({ kind }) => kind);
}
