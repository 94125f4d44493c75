import { z } from 'zod';
import type { Timer } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors.ts';
import { AgeClock } from '../plan/age-clock.ts';
import type { NetworkWatch } from '../platform/network-watch.ts';
import type { Database } from '../store/database.ts';
import type { JobContext } from './context.ts';
import { Closing } from './end/closing.ts';
import { settleHandOver } from './end/hand-over.ts';
import { Job } from './job.ts';
import { JobService } from './job-service.ts';
import { JobTable } from './job-table.ts';
import { isRunning, type JobState } from './model/state.ts';
import { Notifier } from './notifier.ts';
import { Engine } from './run/engine.ts';
import type { JobRecord } from './store/job-record.ts';
import { JobStore } from './store/job-store.ts';
import { TraceLog } from './store/trace-log.ts';
import { Transfers } from './transfers.ts';
import { Waiters } from './waiters.ts';

/** How often the clock of ages is stored and jobs that nobody touched are looked for. */
const CHORES_EVERY_MS = 600_000;
const AgeState = z.strictObject({ ageMs: z.number().min(0), wallMs: z.number() });

/** What the job service is opened with. */
export type JobsDeps = Omit<
  JobContext,
  'store' | 'age' | 'stopping' | 'move' | 'changed' | 'notify' | 'recordAndNotify'
> & {
  readonly database: Database;
  /** Whether this machine has a network. */
  readonly network: NetworkWatch;
};

/** How it starts. */
export interface JobsOptions {
  /** Whether jobs of an earlier process go on; a node that lives for one command leaves them alone. */
  readonly resume: boolean;
}

/** The job service while it is open. */
export interface OpenJobs {
  readonly service: JobService;
  readonly transfers: Transfers;
  /** The configuration changed. */
  policyChanged(): Promise<void>;
  /** How many jobs are in this state. */
  count(state: JobState): number;
  /** The owner of a job or transfer, also of one that ended; null when there is none. */
  ownerOf(id: string): string | null;
  /** Stops all runs and keeps the jobs for the next start. */
  stop(): Promise<void>;
}

/** Loads the jobs, puts the parts of the service together and lets them run. @throws NearbitsError E_IO */
export async function openJobs(deps: JobsDeps, options: JobsOptions): Promise<OpenJobs> {
  const { database, network, clock, log } = deps;
  const store = new JobStore(database, log);
  const ages = database.table('age', AgeState);
  const age = new AgeClock((await ages.get('age')) ?? null, clock);
  const jobs = new JobTable();
  const waiters = new Waiters();
  const stopping = new AbortController();

  // The notifier needs the jobs, and they need it once they run.
  let notifier: Notifier | null = null;
  const context: JobContext = {
    ...deps,
    store,
    age,
    stopping: stopping.signal,
    move: (job, to) => engine.move(job, to),
    changed: (job) => waiters.changed(job.id),
    notify: async (job, kind, what) => notifier?.notify(job, kind, what),
    recordAndNotify: (job, kind, what) => store.record(job, async (ops) => notifier?.notify(job, kind, what, ops)),
  };
  const engine = new Engine(context, jobs, network, {
    transferred: async (job) => {
      if (job.record.properties.autoComplete) await closing.complete(job, 'itself');
    },
    failed: async (job) => {
      tellFailure(job, context);
      if (job.record.properties.autoComplete) await closing.cancel(job, true, 'itself');
    },
  });
  for (const record of await store.loadEnded()) jobs.addEnded(new Job(settleSharing(record)));
  for (const record of await store.load()) jobs.add(await restore(record, store));
  notifier = await openNotifier(deps, jobs);
  const closing = new Closing({ context, jobs, engine, notifier });
  const service = new JobService({ context, jobs, engine, closing, notifier, waiters });

  const saveAge = () => ages.put('age', age.snapshot());
  let chores: Timer | null = null;
  if (options.resume) {
    for (const job of jobs.open.values()) await takeUp(job, engine, closing, context);
    network.start(() => void engine.conditionsChanged('network'));
    const work = (): void => {
      chores = clock.after(CHORES_EVERY_MS, work);
      Promise.all([saveAge(), closing.cancelInactive()]).catch((error) =>
        log.error({ err: error }, 'the chores of the job service failed'),
      );
    };
    work();
  }
  const open = notifier;
  return {
    service,
    transfers: new Transfers(service, { context, jobs, closing, waiters }),
    policyChanged: () => engine.conditionsChanged('policy'),
    count: (state) => jobs.count(state),
    ownerOf: (id) => jobs.find(id as Job['id'])?.record.owner ?? null,
    stop: async () => {
      stopping.abort();
      chores?.cancel();
      network.stop();
      await engine.stop();
      await open.stop();
      await closing.settle();
      await saveAge();
    },
  };
}

function openNotifier(deps: JobsDeps, jobs: JobTable): Promise<Notifier> {
  return Notifier.open({ ...deps, jobs, allowedPrograms: () => deps.policy().notifyPrograms });
}

function tellFailure(job: Job, context: JobContext): void {
  const { error } = job.record;
  if (error === null) return;
  const code = error.cause as ErrorCode;
  context.emit({ type: 'transfer.failed', transferId: job.id, file: error.file, code, message: error.message });
}

/** The end of the process cut short what was still on its way into the cache. */
function settleSharing(record: JobRecord): JobRecord {
  for (const file of record.files) {
    if (file.sharing !== 'pending') continue;
    file.sharing = 'not-shared';
    file.sharingReason = 'the node stopped before it could be put into the cache';
  }
  return record;
}

/** A job from the store, with what a crash left open settled. */
async function restore(record: JobRecord, store: JobStore): Promise<Job> {
  const job = new Job(record);
  if (isRunning(record.state)) record.state = 'QUEUED';
  for (const file of record.files) await settleHandOver(file, () => store.record(job));
  return job;
}

/** Puts a job where it was when the node stopped. */
async function takeUp(job: Job, engine: Engine, closing: Closing, context: JobContext): Promise<void> {
  const { state, properties } = job.record;
  if (job.record.startedMs !== null) {
    job.trace = new TraceLog(context.clock, await context.store.trace(job.id));
    job.trace.note('RESTARTED', 'the node started again and takes up this job where it was', { state });
  }
  if (state === 'QUEUED') await engine.enqueue(job);
  else if (state === 'TRANSIENT_ERROR') await engine.resumeRetry(job);
  else if (state === 'TRANSFERRED' && properties.autoComplete)
    await job.exclusively(() => closing.complete(job, 'itself'));
  else if (state === 'ERROR' && properties.autoComplete)
    await job.exclusively(() => closing.cancel(job, true, 'itself'));
}
