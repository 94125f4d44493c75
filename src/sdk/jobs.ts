import type { CallResult, JobNotification, JobRequestInput, JobView } from '../job/model/view.ts';
import type { CallOptions } from './access.ts';
import { Job } from './job.ts';
import type { JobCalls, JobFilter } from './job-calls.ts';
import { type JobTransferInput, type JobTransferOptions, transferOne } from './job-transfer.ts';

/** A notification that can be acknowledged. */
export interface DeliveredNotification extends JobNotification {
  /** Lets it not be told again. */
  acknowledge(options?: CallOptions): Promise<void>;
}

/** The jobs of a node: those of the user who asks, and for administrators those of everybody. All methods throw NearbitsError. */
export class Jobs {
  readonly #calls: JobCalls;

  constructor(calls: JobCalls) {
    this.#calls = calls;
  }

  /**
   * Makes a job; it is SUSPENDED until it is resumed, or starts at once with `resume: true`.
   * @throws BG_E_TOO_MANY_JOBS_PER_USER, BG_E_TOO_MANY_JOBS_PER_MACHINE, and the code BITS has for each bad argument
   */
  async create(request: JobRequestInput, { signal }: CallOptions = {}): Promise<Job> {
    return this.#known(await this.#calls.create(request, signal));
  }

  /** The job of an id; the node is not asked yet. */
  at(id: string): Job {
    return new Job(this.#calls, id, null);
  }

  /** Jobs in the order of their ids, a page at a time as they are asked for. @throws E_ACCESSDENIED */
  async *list({ signal, ...filter }: CallOptions & JobFilter = {}): AsyncGenerator<Job, void, undefined> {
    let after: string | null = null;
    do {
      const { jobs, next }: { jobs: readonly JobView[]; next: string | null } = await this.#calls.page(
        filter,
        after,
        signal,
      );
      for (const view of jobs) yield this.#known(view);
      after = next;
    } while (after !== null);
  }

  /** Cancels all jobs of the caller, or of everybody. @throws E_ACCESSDENIED */
  reset({ allUsers = false, signal }: CallOptions & { readonly allUsers?: boolean } = {}): Promise<CallResult[]> {
    return this.#calls.reset(allUsers, signal);
  }

  /**
   * Notifications of the caller's jobs, or of one: first those that are not acknowledged yet, then new ones as they come,
   * until the signal aborts or the loop ends. Each comes at least once, and again after a lost connection, until it is
   * acknowledged.
   */
  async *notifications({
    job,
    signal,
  }: CallOptions & { readonly job?: Job | string | undefined } = {}): AsyncGenerator<
    DeliveredNotification,
    void,
    undefined
  > {
    const over = new AbortController();
    const until = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    const id = job instanceof Job ? job.id : (job ?? null);
    try {
      for await (const note of await this.#calls.notifications(id, until)) {
        yield { ...note, acknowledge: (options = {}) => this.#calls.acknowledge(note.id, options.signal) };
      }
    } finally {
      over.abort();
    }
  }

  /**
   * Fetches one URL into one file and is done when it lies there. The job is cancelled when the signal aborts or an error
   * ends it.
   * @throws NearbitsError with the code of the job's error; E_CANCELLED
   */
  transfer(input: JobTransferInput, options: JobTransferOptions = {}): Promise<JobView> {
    return transferOne(this.#calls, input, options);
  }

  #known(view: JobView): Job {
    return new Job(this.#calls, view.id, view);
  }
}
