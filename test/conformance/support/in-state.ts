import type { JobState } from '../../../src/job/state.ts';
import type { JobView } from '../../../src/job/view.ts';
import type { Faults } from '../../support/origin-script.ts';
import type { JobApi } from './job-api.ts';
import type { JobBench, TestFile } from './job-bench.ts';

/** A job in the state that was asked for, and its one file. */
export interface JobInState {
  readonly id: string;
  readonly job: JobView;
  readonly file: TestFile;
}

/** What the origin does so that a job comes to rest in a state by itself. */
const FAULTS: Readonly<Partial<Record<JobState, Faults>>> = {
  CONNECTING: { hang: true },
  TRANSFERRING: { stallAfterBytes: 65_536 },
  TRANSIENT_ERROR: { status: 503 },
  ERROR: { status: 404 },
};
const STALLING_BYTES = 300_000;

/** Brings a new job of one file into a state, and waits until it is there. */
export async function jobIn(
  state: JobState,
  bench: JobBench,
  options: { readonly api?: JobApi; readonly user?: 'admin' | 'alice' | 'bob'; readonly job?: object } = {},
): Promise<JobInState> {
  const { user = 'admin' } = options;
  const api = options.api ?? bench[user];
  const file = bench.file({
    bytes: STALLING_BYTES,
    user,
    ...(FAULTS[state] === undefined ? {} : { faults: FAULTS[state] }),
  });
  if (state === 'QUEUED') await holdQueue(bench);
  const priority = state === 'QUEUED' ? 'LOW' : 'FOREGROUND';
  const resume = state !== 'SUSPENDED';
  const { id } = await api.create({ priority, resume, files: [file.add], ...options.job });
  if (state === 'ACKNOWLEDGED' || state === 'CANCELLED') await end(api, id, state);
  return { id, file, job: await api.reaches(id, state) };
}

async function end(api: JobApi, id: string, state: 'ACKNOWLEDGED' | 'CANCELLED'): Promise<void> {
  await api.reaches(id, 'TRANSFERRED');
  await api.call(id, state === 'ACKNOWLEDGED' ? 'complete' : 'cancel');
}

const held = new WeakMap<JobBench, Promise<unknown>>();

/** Keeps the one place of background jobs taken by a job that never gets on, so that lower ones stay QUEUED. */
export function holdQueue(bench: JobBench): Promise<unknown> {
  const holding = held.get(bench) ?? jobIn('TRANSFERRING', bench, { job: { priority: 'HIGH' } });
  held.set(bench, holding);
  return holding;
}
