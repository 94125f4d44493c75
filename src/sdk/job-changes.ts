import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { JobCalls } from './job-calls.ts';

/**
 * Tells that something happened to a job. Any number of events count as one until somebody looks, so whoever looks slowly
 * sees the newest and nothing piles up.
 */
export class JobChanges {
  readonly #calls: JobCalls;
  readonly #id: string;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #happened = Promise.withResolvers<void>();
  #failure: NearbitsError | null = null;

  private constructor(calls: JobCalls, id: string, signal: AbortSignal | undefined) {
    this.#calls = calls;
    this.#id = id;
    this.#signal = signal === undefined ? this.#over.signal : AbortSignal.any([this.#over.signal, signal]);
  }

  /** Begins to listen; what happens after this resolves is told. */
  static async open(calls: JobCalls, id: string, signal: AbortSignal | undefined): Promise<JobChanges> {
    const changes = new JobChanges(calls, id, signal);
    void changes.#listen(await calls.events(id, changes.#signal));
    return changes;
  }

  /**
   * Resolves once something happened since the last call.
   * @throws NearbitsError E_CANCELLED when the signal aborts, E_NOT_RUNNING when the node goes away.
   */
  async next(): Promise<void> {
    await this.#happened.promise;
    if (this.#failure !== null) throw this.#failure;
    this.#happened = Promise.withResolvers();
  }

  /** Ends the listening. */
  close(): void {
    this.#over.abort();
  }

  async #listen(first: AsyncIterable<NodeEvent>): Promise<void> {
    let events = first;
    try {
      while (await this.#lost(events)) events = await this.#calls.events(this.#id, this.#signal);
      this.#fail(this.#ended());
    } catch (error) {
      this.#fail(toNearbitsError(error));
    }
  }

  /** Whether the stream ended because this process was too slow for it; then one look makes up for all that was lost. */
  async #lost(events: AsyncIterable<NodeEvent>): Promise<boolean> {
    try {
      for await (const _ of events) this.#happened.resolve();
      return false;
    } catch (error) {
      if (!(error instanceof NearbitsError) || error.code !== 'E_BUSY') throw error;
      this.#happened.resolve();
      return true;
    }
  }

  #ended(): NearbitsError {
    if (this.#signal.aborted) return new NearbitsError('E_CANCELLED', 'the watching was stopped');
    return new NearbitsError('E_NOT_RUNNING', 'the node went away while the job was watched', {
      hint: 'The job goes on when the node starts again.',
      details: { job: this.#id },
    });
  }

  #fail(failure: NearbitsError): void {
    this.#failure = failure;
    this.#happened.resolve();
  }
}
