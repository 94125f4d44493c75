import type { JobId } from '../core/ids.ts';
import type { Job } from './job.ts';
import type { JobState } from './model/state.ts';

/** All jobs in memory, found by what callers and limits ask for without looking at every one. */
export class JobTable {
  readonly #open = new Map<JobId, Job>();
  readonly #ended = new Map<JobId, Job>();
  readonly #openByOwner = new Map<string, number>();
  readonly #byDestination = new Map<string, Job>();
  readonly #byState = new Map<JobState, number>();

  /** Jobs that have not ended. */
  get open(): ReadonlyMap<JobId, Job> {
    return this.#open;
  }

  /** Jobs that ended, oldest first. */
  get ended(): ReadonlyMap<JobId, Job> {
    return this.#ended;
  }

  /** How many jobs that have not ended are in this state. */
  count(state: JobState): number {
    return this.#byState.get(state) ?? 0;
  }

  /** Changes the state of a job; nobody else may. */
  setState(job: Job, state: JobState): void {
    this.#byState.set(job.state, this.count(job.state) - 1);
    job.record.state = state;
    this.#byState.set(state, this.count(state) + 1);
  }

  find(id: JobId): Job | null {
    return this.#open.get(id) ?? this.#ended.get(id) ?? null;
  }

  /** How many jobs of this owner have not ended. */
  countOf(owner: string): number {
    return this.#openByOwner.get(owner) ?? 0;
  }

  /** The job that has not ended and writes this file, or null. */
  writing(destination: string): Job | null {
    return this.#byDestination.get(destination) ?? null;
  }

  add(job: Job): void {
    this.#open.set(job.id, job);
    this.#count(job.record.owner, 1);
    this.#byState.set(job.state, this.count(job.state) + 1);
    this.claim(job);
  }

  /** Enters the destinations of the job's files. */
  claim(job: Job): void {
    for (const file of job.record.files) this.#byDestination.set(file.localName, job);
  }

  changeOwner(job: Job, owner: string): void {
    this.#count(job.record.owner, -1);
    job.record.owner = owner;
    this.#count(owner, 1);
  }

  /** The job ended: its destinations are free again. */
  end(job: Job): void {
    if (this.drop(job)) this.#ended.set(job.id, job);
  }

  /** Takes out a job that has not ended, as if it had never been; false when it is not there. */
  drop(job: Job): boolean {
    if (!this.#open.delete(job.id)) return false;
    this.#byState.set(job.state, this.count(job.state) - 1);
    this.#count(job.record.owner, -1);
    for (const file of job.record.files) {
      if (this.#byDestination.get(file.localName) === job) this.#byDestination.delete(file.localName);
    }
    return true;
  }

  /** Adds a job that ended in an earlier run of the node. */
  addEnded(job: Job): void {
    this.#ended.set(job.id, job);
  }

  /** Takes out the oldest job that ended when there are more than `most`; null otherwise. */
  dropOldest(most: number): JobId | null {
    const oldest = this.#ended.size > most ? this.#ended.keys().next().value : undefined;
    if (oldest === undefined) return null;
    this.#ended.delete(oldest);
    return oldest;
  }

  #count(owner: string, by: number): void {
    const count = (this.#openByOwner.get(owner) ?? 0) + by;
    if (count === 0) this.#openByOwner.delete(owner);
    else this.#openByOwner.set(owner, count);
  }
}
