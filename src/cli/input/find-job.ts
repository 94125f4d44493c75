import { NearbitsError } from '../../core/errors.ts';
import type { Job } from '../../sdk/job.ts';
import type { Jobs } from '../../sdk/jobs.ts';
import { plain } from '../render/table.ts';

/** BITS writes ids in braces. */
const ID = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/i;
/** More ids than a person reads are not listed. */
const MAX_LISTED = 20;

/**
 * The job that a person means by its id or display name; one that has ended only when no other has the name.
 * @throws NearbitsError BG_E_NOT_FOUND; E_INVALIDARG with the ids when several jobs have the name.
 */
export async function findJob(jobs: Jobs, text: string): Promise<Job> {
  const id = ID.exec(text)?.[1];
  if (id !== undefined) return jobs.at(id.toLowerCase());
  for (const ended of [false, true]) {
    const found = await withName(jobs, text, ended);
    if (found.length > 1) throw ambiguous(text, found);
    if (found[0] !== undefined) return found[0];
  }
  throw new NearbitsError('BG_E_NOT_FOUND', `there is no job "${plain(text, 80)}"`, {
    hint: 'Run "nearbits job ls" to see your jobs; those of others are named by their id.',
  });
}

async function withName(jobs: Jobs, name: string, ended: boolean): Promise<Job[]> {
  const found: Job[] = [];
  for await (const job of jobs.list({ name, ended })) {
    found.push(job);
    if (found.length === MAX_LISTED) break;
  }
  return found;
}

function ambiguous(name: string, found: readonly Job[]): NearbitsError {
  const ids = found.map(({ id }) => id);
  return new NearbitsError(
    'E_INVALIDARG',
    `${ids.length === MAX_LISTED ? `${MAX_LISTED} or more` : ids.length} jobs are called "${plain(name, 80)}": ${ids.join(', ')}`,
    {
      details: { ids },
      hint: 'Name the job by its id.',
    },
  );
}
