import type { JobState } from '../../../src/job/model/state.ts';
import type { JobView } from '../../../src/job/model/view.ts';
import type { JobApi } from './job-api.ts';
import type { JobBench, TestFile, TestFileOptions, UserName } from './job-bench.ts';

/** A job in the state that was asked for, and its one file. */
export interface JobInState {
  readonly id: string;
  readonly job: JobView;
  readonly file: TestFile;
}

const PIECE = 2 ** 20;
/** Files that stop on the way, after two whole pieces: what is there of a file counts by pieces. */
const ON_THE_WAY = { bytes: 5_300_000, sentBytes: 2 * PIECE };
/** The origin falls silent on the way. */
export const STALLED = { bytes: ON_THE_WAY.bytes, faults: { stallAfterBytes: ON_THE_WAY.sentBytes } };
/** The origin cuts the connection on the way. */
export const CUT = { bytes: ON_THE_WAY.bytes, faults: { closeAfterBytes: ON_THE_WAY.sentBytes } };
/** How much of such a file arrives. */
export const SENT_BYTES = ON_THE_WAY.sentBytes;

/** What the origin does so that a job comes to rest in a state by itself. */
const FILES: Readonly<Partial<Record<JobState, TestFileOptions>>> = {
  CONNECTING: { faults: { hang: true } },
  TRANSFERRING: STALLED,
  TRANSIENT_ERROR: { faults: { status: 503 } },
  ERROR: { faults: { status: 404 } },
};

export interface JobOptions {
  readonly user?: UserName;
  /** Properties and the like. */
  readonly job?: Readonly<Record<string, unknown>>;
  readonly file?: TestFileOptions;
}

/** Brings a new job of one file into a state, and waits until it is there. */
export async function jobIn(state: JobState, bench: JobBench, options: JobOptions = {}): Promise<JobInState> {
  const { user = 'admin', job } = options;
  const api = bench[user];
  const file = bench.file({ user, ...FILES[state], ...options.file });
  if (state === 'QUEUED') await holdQueue(bench);
  const priority = state === 'QUEUED' ? 'LOW' : 'FOREGROUND';
  const { id } = await api.create({ priority, resume: state !== 'SUSPENDED', files: [file.add], ...job });
  if (state === 'ACKNOWLEDGED' || state === 'CANCELLED') await end(api, id, state);
  return { id, file, job: await api.reaches(id, state) };
}

/** Lets a foreground job run until it needs somebody, or waits to be tried again. */
export async function outcome(api: JobApi, job: Readonly<Record<string, unknown>>): Promise<JobView> {
  const { id } = await api.create({ priority: 'FOREGROUND', resume: true, ...job });
  return api.reaches(id, 'TRANSFERRED', 'ERROR', 'TRANSIENT_ERROR', 'SUSPENDED');
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
