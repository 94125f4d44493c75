import type { JobContext } from '../context.ts';
import type { Job } from '../job.ts';
import type { JobTable } from '../job-table.ts';
import { isAction, isFinal } from '../model/state.ts';
import type { CallResult } from '../model/view.ts';
import type { Notifier } from '../notifier.ts';
import type { Engine } from '../run/engine.ts';
import { cancelJob, completeJob } from './end-job.ts';

/** What ending jobs works with. */
export interface ClosingDeps {
  readonly context: JobContext;
  readonly jobs: JobTable;
  readonly engine: Engine;
  readonly notifier: Notifier;
}

/**
 * Who ends a job: a caller, who knows it then and is told no more, or the service, because the job completes itself. Then
 * what was not delivered yet is still told.
 */
export type EndedBy = 'caller' | 'itself';

/** Ends jobs: for their callers, for one-shot jobs by itself, and when nobody touched one for too long. */
export class Closing {
  readonly #deps: ClosingDeps;
  readonly #sharing = new Set<Promise<void>>();

  constructor(deps: ClosingDeps) {
    this.#deps = deps;
  }

  /**
   * Completes a job whose lock the caller holds.
   * @throws NearbitsError when a file cannot be handed over; the job stays as it was and can be completed again.
   */
  async complete(job: Job, by: EndedBy): Promise<CallResult['code']> {
    const { context, jobs, engine, notifier } = this.#deps;
    const before = job.state;
    await engine.halt(job);
    try {
      const { code, sharing } = await completeJob(job, by, context, jobs);
      this.#watch(job, sharing);
      if (by === 'caller') await notifier.forget(job.id);
      return code;
    } catch (error) {
      if (isAction(before)) await engine.enqueue(job);
      await context.store.record(job);
      throw error;
    }
  }

  /** Cancels a job whose lock the caller holds; with `keepParts` its part files stay for a later job. */
  async cancel(job: Job, keepParts: boolean, by: EndedBy): Promise<CallResult['code']> {
    const { context, jobs, engine, notifier } = this.#deps;
    await engine.halt(job);
    const code = await cancelJob(job, keepParts, by, context, jobs);
    if (by === 'caller') await notifier.forget(job.id);
    return code;
  }

  /** Cancels jobs that nobody touched for too long (BITS: JobInactivityTimeout). */
  async cancelInactive(): Promise<void> {
    const { context, jobs } = this.#deps;
    const before = context.age.now() - context.policy().inactivityTimeoutMs;
    for (const job of [...jobs.open.values()]) {
      if (job.record.activeAge >= before) continue;
      context.log.warn({ job: job.id }, 'a job was inactive for too long and is cancelled');
      await job.exclusively(async () => {
        if (!isFinal(job.state)) await this.cancel(job, false, 'caller');
      });
    }
  }

  /** Waits until no file of a completed job is on its way into the cache any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#sharing);
  }

  #watch(job: Job, sharing: Promise<void>): void {
    const { log } = this.#deps.context;
    const watched = sharing
      .catch((error) => log.error({ err: error, job: job.id }, 'sharing after a job failed'))
      .finally(() => this.#sharing.delete(watched));
    this.#sharing.add(watched);
  }
}
