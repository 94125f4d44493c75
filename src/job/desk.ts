import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { JobContext } from './context.ts';
import { type Job, jobView } from './job.ts';
import type { JobTable } from './job-table.ts';
import { afterCall, type JobCall, type JobState } from './model/state.ts';
import type { JobView } from './model/view.ts';
import { describeCertificate } from './set-properties.ts';
import { unsealSecrets } from './store/secrets.ts';

/** Where every call comes in: finds the job for those who may have it, asks the state machine, and stores what changed. */
export class Desk {
  readonly #context: JobContext;
  readonly #jobs: JobTable;

  constructor(context: JobContext, jobs: JobTable) {
    this.#context = context;
    this.#jobs = jobs;
  }

  /** A job of the caller, ended or not; administrators find those of everybody. @throws NearbitsError BG_E_NOT_FOUND */
  find(caller: Caller, id: JobId): Job {
    const job = this.#jobs.find(id);
    if (job !== null && (caller.administrator || job.record.owner === caller.name)) return job;
    throw new NearbitsError('BG_E_NOT_FOUND', `there is no job ${id}`, { hint: 'Look at `nearbits job ls`.' });
  }

  /** The job as this caller may see it. */
  view(job: Job, caller: Caller): JobView {
    const secrets = unsealSecrets(this.#context.vault, job.id, job.record.secrets);
    const certificate = describeCertificate(secrets.clientCertificate);
    return jobView(job, secrets, certificate, job.record.owner === caller.name);
  }

  /** One call that changes a job: allowed by its state, one at a time, stored before it returns. `work` is given the state the call leads to. */
  change(
    caller: Caller,
    id: JobId,
    call: JobCall,
    work: (job: Job, next: JobState) => Promise<void>,
  ): Promise<JobView> {
    const job = this.find(caller, id);
    return job.exclusively(async () => {
      await work(job, afterCall(job.state, call));
      job.record.modifiedMs = this.#context.clock.wallMs();
      job.record.activeAge = this.#context.age.now();
      await this.#context.store.save(job);
      this.#context.emit({ type: 'job.modified', jobId: id });
      this.#context.changed(job);
      await this.#context.notify(job, 'modification');
      return this.view(job, caller);
    });
  }
}
