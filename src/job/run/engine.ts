import type { Timer } from '../../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../../core/errors.ts';
import { afterTransientError } from '../../plan/retry.ts';
import { Schedule } from '../../plan/schedule.ts';
import { isThisMachine, type NetworkWatch } from '../../platform/network-watch.ts';
import type { JobContext } from '../context.ts';
import type { Job, Run } from '../job.ts';
import type { JobTable } from '../job-table.ts';
import { isRunning, type JobState } from '../model/state.ts';
import { toJobError, waitsForCondition } from './job-error.ts';
import { LONGEST_TIMER_MS, RetryTimers } from './retry-timers.ts';
import { RunFailure, runJob } from './run-job.ts';
import { disconnected, noProgress, timeIsOver, tooCostly } from './stop-errors.ts';

/** Reason of a stop that is no failure: the job is preempted, suspended, ended, or the node stops. */
const HALT = new NearbitsError('E_CANCELLED', 'the job was stopped');

/** What the engine tells the service. */
export interface EngineEvents {
  /** All files of the job are there and the job is TRANSFERRED. */
  readonly transferred: (job: Job) => Promise<void>;
  /** The job is in ERROR. */
  readonly failed: (job: Job) => Promise<void>;
}

/**
 * Moves jobs through the states that are nobody's call: lets them run in their turn, tries again after transient
 * errors, and stops what the network or the policy does not allow. Which job runs is decided by plan/schedule.ts.
 */
export class Engine {
  readonly #context: JobContext;
  readonly #jobs: JobTable;
  readonly #network: NetworkWatch;
  readonly #events: EngineEvents;
  readonly #schedule: Schedule;
  readonly #retries: RetryTimers;
  #wake: Timer | null = null;
  #stopped = false;

  constructor(context: JobContext, jobs: JobTable, network: NetworkWatch, events: EngineEvents) {
    this.#context = context;
    this.#jobs = jobs;
    this.#network = network;
    this.#events = events;
    this.#retries = new RetryTimers(context.clock, (job) => this.#inTurn(job, () => this.#retry(job)));
    this.#schedule = new Schedule({ sliceMs: context.policy().timeSliceMs });
  }

  /** Changes the state and tells everybody who watches. */
  move(job: Job, to: JobState): void {
    const from = job.record.state;
    if (from === to) return;
    this.#jobs.setState(job, to);
    job.record.modifiedMs = this.#context.clock.wallMs();
    job.record.activeAge = this.#context.age.now();
    this.#context.emit({ type: 'job.state', jobId: job.id, from, to });
    this.#context.changed(job);
  }

  /** Puts a job into the queue, or into TRANSIENT_ERROR while the network or its cost forbids to run. */
  async enqueue(job: Job): Promise<void> {
    this.#forgetRetry(job);
    this.move(job, 'QUEUED');
    const blocked = this.#whyBlocked(job);
    if (blocked !== null) return this.#fail(job, blocked, job.nextFile());
    this.#schedule.add(job.id, job.record.properties.priority);
    this.decide();
  }

  /** Stops the run of a job and takes it out of the queue; resolves when its files are at rest. The state is the caller's. */
  async halt(job: Job): Promise<void> {
    this.#forgetRetry(job);
    this.#schedule.remove(job.id);
    this.#stopRun(job);
    await job.resting;
    if (!this.#stopped) this.decide();
  }

  /** The job has another priority: it may run earlier, or has to make room. */
  reprioritize(job: Job): void {
    this.#schedule.setLevel(job.id, job.record.properties.priority);
    this.decide();
  }

  /** Something that a run reads at its start has changed: a running job starts again where it was. */
  async restart(job: Job): Promise<void> {
    if (!isRunning(job.state)) return;
    await this.halt(job);
    await this.enqueue(job);
  }

  /** Tries a job again that was in TRANSIENT_ERROR when the node stopped; the time it waited already counts. */
  resumeRetry(job: Job): Promise<void> {
    const { retryAtMs, properties } = job.record;
    if (retryAtMs === null) return this.enqueue(job);
    const longestMs = properties.minimumRetryDelaySeconds * 1000;
    this.#retries.set(job, Math.min(longestMs, Math.max(0, retryAtMs - this.#context.clock.wallMs())));
    return Promise.resolve();
  }

  /**
   * The network or the policy changed: stops what may not run any more and goes on with what may again. When the
   * network is back all jobs in TRANSIENT_ERROR are tried again, whatever their error was (as BITS does).
   */
  async conditionsChanged(change: 'network' | 'policy'): Promise<void> {
    this.#schedule.setSlice(this.#context.policy().timeSliceMs);
    const all = change === 'network' && this.#network.online;
    for (const job of [...this.#jobs.open.values()]) await this.#followConditions(job, all);
    this.decide();
  }

  /** Asks the schedule what runs now, and does it. */
  decide(): void {
    if (this.#stopped) return;
    this.#wake?.cancel();
    const now = this.#context.clock.monotonicMs();
    const { start, preempt, wakeAtMs } = this.#schedule.decide(now);
    for (const id of preempt) this.#preempt(id);
    for (const id of start) this.#begin(id);
    this.#wake = wakeAtMs === null ? null : this.#context.clock.after(wakeAtMs - now, () => this.decide());
  }

  /** Stops all runs; jobs stay as they are, for the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.cancel();
    this.#retries.clear();
    const jobs = [...this.#jobs.open.values()];
    for (const job of jobs) this.#stopRun(job);
    await Promise.all(jobs.map((job) => job.resting));
    for (const job of jobs) if (isRunning(job.state)) this.#jobs.setState(job, 'QUEUED');
    // A job that never ran lies in the store as it is: writing 10,000 of them took a second.
    const ran = jobs.filter((job) => job.record.startedMs !== null);
    await Promise.all(ran.map((job) => this.#context.store.record(job)));
  }

  #begin(id: string): void {
    const job = this.#jobs.open.get(id as Job['id']) as Job;
    const stop = new AbortController();
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const run: Run = { stop, settled };
    const before = job.resting;
    job.run = run;
    job.resting = settled;
    job.record.startedMs ??= this.#context.clock.wallMs();
    this.move(job, 'CONNECTING');
    void before.then(() => this.#run(job, run)).then(resolve, resolve);
  }

  #preempt(id: string): void {
    const job = this.#jobs.open.get(id as Job['id']) as Job;
    this.#stopRun(job);
    this.move(job, 'QUEUED');
  }

  #stopRun(job: Job): void {
    const { run } = job;
    job.run = null;
    run?.stop.abort(HALT);
  }

  async #run(job: Job, run: Run): Promise<void> {
    const { clock, log } = this.#context;
    const startedMs = clock.monotonicMs();
    const timer = this.#limitTime(job, run);
    let outcome: Promise<void> | (() => Promise<void>);
    try {
      if (run.stop.signal.aborted) return;
      const end = await runJob(job, this.#context, run.stop.signal);
      outcome = () => (end === 'transferred' ? this.#transferred(job) : this.#idle(job));
    } catch (failure) {
      outcome = () => this.#failed(job, failure, run);
    } finally {
      timer.cancel();
      job.record.downloadMs += clock.monotonicMs() - startedMs;
    }
    // Not waited for: who stops a job holds its lock and waits for the run.
    job
      .exclusively(async () => {
        if (job.run !== run) return;
        job.run = null;
        this.#schedule.remove(job.id);
        await (outcome as () => Promise<void>)();
      })
      .catch((error) => log.error({ err: error, job: job.id }, 'the end of a run could not be recorded'))
      .finally(() => this.decide());
  }

  // BITS: the time in CONNECTING and TRANSFERRING counts, and the job's own limit wins over the policy's.
  #limitTime(job: Job, run: Run): Timer {
    const seconds = job.record.properties.maximumDownloadTimeSeconds;
    const limitMs = seconds === null ? this.#context.policy().maxDownloadTimeMs : seconds * 1000;
    const deadlineMs = this.#context.clock.monotonicMs() + Math.max(0, limitMs - job.record.downloadMs);
    let timer: Timer | null = null;
    const check = (): void => {
      const leftMs = deadlineMs - this.#context.clock.monotonicMs();
      if (leftMs > 0) timer = this.#context.clock.after(Math.min(leftMs, LONGEST_TIMER_MS), check);
      else run.stop.abort(timeIsOver(limitMs));
    };
    check();
    return { cancel: () => timer?.cancel() };
  }

  async #transferred(job: Job): Promise<void> {
    const { record } = job;
    record.transferredMs = this.#context.clock.wallMs();
    record.error = null;
    record.noProgressAge = null;
    this.move(job, 'TRANSFERRED');
    await this.#context.recordAndNotify(job, 'transferred');
    await this.#events.transferred(job);
  }

  async #idle(job: Job): Promise<void> {
    job.record.idle = true;
    this.move(job, 'SUSPENDED');
    await this.#context.store.record(job);
  }

  async #failed(job: Job, failure: unknown, run: Run): Promise<void> {
    const { signal } = run.stop;
    const cause = signal.aborted ? signal.reason : failure instanceof RunFailure ? failure.cause : failure;
    const file = failure instanceof RunFailure ? failure.file : null;
    const error = toNearbitsError(cause);
    job.trace?.note('FAILED', error.message, { code: error.code, file });
    job.record.errorCount++;
    await this.#fail(job, error, file);
  }

  async #fail(job: Job, error: NearbitsError, file: number | null): Promise<void> {
    const { record } = job;
    const url = file === null ? null : (record.files[file]?.remoteUrl ?? null);
    const view = toJobError(error, { file, url }, this.#context.clock.wallMs());
    record.error = view;
    // BITS: a request with another method than GET may have had effects, so nothing repeats it by itself.
    if (view.kind === 'fatal' || record.properties.httpMethod !== 'GET') return this.#giveUp(job);
    record.noProgressAge ??= this.#context.age.now();
    const { properties } = record;
    const verdict = afterTransientError({
      nowMs: this.#context.age.now(),
      noProgressSinceMs: record.noProgressAge,
      noProgressTimeoutMs: properties.noProgressTimeoutSeconds * 1000,
      minimumRetryDelayMs: properties.minimumRetryDelaySeconds * 1000,
      retryAfterMs: typeof error.details.retryAfterMs === 'number' ? error.details.retryAfterMs : null,
      waitsFor: waitsForCondition(view.code) ? 'condition' : 'time',
      random01: this.#context.random(),
    });
    if (verdict.action === 'give-up') {
      if (verdict.code === 'BG_E_NO_PROGRESS') record.error = toJobError(noProgress(error), { file, url }, view.atMs);
      return this.#giveUp(job);
    }
    this.move(job, 'TRANSIENT_ERROR');
    const waitMs = (verdict.action === 'retry' ? verdict.atMs : verdict.giveUpAtMs) - this.#context.age.now();
    record.retryAtMs = verdict.action === 'retry' ? this.#context.clock.wallMs() + waitMs : null;
    this.#retries.set(job, waitMs);
    await this.#context.store.record(job);
  }

  async #giveUp(job: Job): Promise<void> {
    const { error } = job.record;
    job.record.error = error && { ...error, kind: 'fatal' };
    job.record.retryAtMs = null;
    this.move(job, 'ERROR');
    await this.#context.recordAndNotify(job, 'error');
    await this.#events.failed(job);
  }

  async #retry(job: Job): Promise<void> {
    if (job.state !== 'TRANSIENT_ERROR') return;
    job.record.retryAtMs = null;
    await this.enqueue(job);
  }

  async #followConditions(job: Job, retryAll: boolean): Promise<void> {
    await job.exclusively(async () => {
      const { state } = job;
      const code = job.record.error?.code;
      const blocked = this.#whyBlocked(job);
      if (blocked !== null && (state === 'QUEUED' || isRunning(state))) {
        await this.halt(job);
        await this.#fail(job, blocked, job.nextFile());
      } else if (state === 'TRANSIENT_ERROR' && blocked === null) {
        if (retryAll || (code !== undefined && waitsForCondition(code))) await this.enqueue(job);
      }
    });
  }

  #whyBlocked(job: Job): NearbitsError | null {
    const { properties, files } = job.record;
    const next = job.nextFile();
    const host = next === null ? null : URL.parse(files[next]?.remoteUrl ?? '')?.hostname;
    if (!this.#network.online && host !== null && !isThisMachine(host ?? '')) return disconnected();
    return (properties.costFlags & this.#context.policy().networkCost) === 0 ? tooCostly() : null;
  }

  #forgetRetry(job: Job): void {
    this.#retries.cancel(job);
    job.record.retryAtMs = null;
  }

  #inTurn(job: Job, work: () => Promise<void>): void {
    job.exclusively(work).catch((error) => {
      this.#context.log.error({ err: error, job: job.id }, 'a job could not be moved on');
    });
  }
}
