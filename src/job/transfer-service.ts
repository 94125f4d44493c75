import { access } from 'node:fs/promises';
import Bottleneck from 'bottleneck';
import { parseRequestedRange } from '../core/byte-range.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import { newTransferId, type TransferId } from '../core/ids.ts';
import { parseOriginUrl } from '../core/url.ts';
import { PART_SUFFIX } from '../transfer/part-file.ts';
import type { JobDeps } from './deps.ts';
import { checkDestination } from './destination.ts';
import { runTransfer } from './run-transfer.ts';
import { shareDelivered } from './share.ts';
import { newView, TransferJob } from './transfer-job.ts';
import { MAX_ENDED_TRANSFERS, type TransferRecord } from './transfer-record.ts';
import { settledView, type TransferStore } from './transfer-store.ts';
import { isFinal, type TraceEntry, type TransferRequest, type TransferView } from './view.ts';

/** How many transfers run. */
export interface TransferServiceOptions {
  /** Background transfers that run at once; foreground ones never wait. */
  readonly maxConcurrent: number;
  /** Whether transfers that an earlier process left unfinished are taken up again. */
  readonly resume: boolean;
}

/** What the service works with; it records the hand-over itself. */
export type TransferServiceDeps = Omit<JobDeps, 'beforeHandOver'>;

/** Reason of an abort that is no wish of the user: the transfer goes on at the next start. */
const SHUTDOWN = new NearbitsError('E_CANCELLED', 'the node is stopping');

interface Running {
  readonly job: TransferJob;
  readonly stop: AbortController;
  readonly settled: Promise<void>;
}

/** Takes transfers, runs them, remembers them over restarts. */
export class TransferService {
  readonly #deps: JobDeps;
  readonly #store: TransferStore;
  readonly #background: Bottleneck;
  readonly #running = new Map<TransferId, Running>();
  readonly #ended = new Map<TransferId, TransferView>();

  private constructor(deps: TransferServiceDeps, store: TransferStore, options: TransferServiceOptions) {
    this.#deps = { ...deps, beforeHandOver: (job) => store.save(job, true) };
    this.#store = store;
    this.#background = new Bottleneck({ maxConcurrent: options.maxConcurrent });
  }

  /** Loads what is stored and, when asked to, goes on with what was unfinished. */
  static async open(
    deps: TransferServiceDeps,
    store: TransferStore,
    options: TransferServiceOptions,
  ): Promise<TransferService> {
    const service = new TransferService(deps, store, options);
    for (const record of await store.load()) await service.#restore(record, options.resume);
    return service;
  }

  /**
   * Checks a wish and begins with it. The same wish for the same destination joins the transfer that runs already.
   * @throws NearbitsError E_INVALID_URL, E_INVALID_RANGE, E_DESTINATION
   */
  async start(request: TransferRequest): Promise<TransferView> {
    const url = parseOriginUrl(request.url);
    request.ranges?.map(parseRequestedRange);
    const twin = this.#at(request.destination);
    if (twin !== null) return joinOrRefuse(twin.job, url);
    await checkDestination(request.destination, request.overwrite);
    const late = this.#at(request.destination);
    if (late !== null) return joinOrRefuse(late.job, url);
    const view = newView(newTransferId(), { ...request, url }, this.#deps.clock.wallMs());
    const job = new TransferJob(this.#deps, { ...request, url }, view);
    await this.#begin(job);
    return job.view();
  }

  /** All transfers that are remembered, newest first. */
  list(): TransferView[] {
    const views = [...this.#ended.values(), ...[...this.#running.values()].map((it) => it.job.view())];
    return views.sort((a, b) => b.createdMs - a.createdMs);
  }

  /** @throws NearbitsError E_NOT_FOUND */
  get(id: TransferId): TransferView {
    const view = this.#running.get(id)?.job.view() ?? this.#ended.get(id);
    if (view === undefined) throw notFound(id);
    return view;
  }

  /** Every decision of a transfer, oldest first. @throws NearbitsError E_NOT_FOUND */
  async trace(id: TransferId): Promise<TraceEntry[]> {
    this.get(id);
    return this.#running.get(id)?.job.trace() ?? this.#store.trace(id);
  }

  /** Stops a transfer and keeps its part file; one that ended stays as it is. @throws NearbitsError E_NOT_FOUND */
  async cancel(id: TransferId): Promise<TransferView> {
    const running = this.#running.get(id);
    running?.stop.abort(new NearbitsError('E_CANCELLED', 'the transfer was cancelled'));
    await running?.settled;
    return this.get(id);
  }

  /** Resolves when the transfer ended and its sharing was decided. @throws NearbitsError E_NOT_FOUND */
  async settled(id: TransferId): Promise<TransferView> {
    await this.#running.get(id)?.settled;
    return this.get(id);
  }

  /** Stops all transfers so that the next start goes on with them. */
  async stop(): Promise<void> {
    const running = [...this.#running.values()];
    for (const one of running) one.stop.abort(SHUTDOWN);
    await Promise.all(running.map((one) => one.settled));
  }

  #at(destination: string): Running | null {
    return [...this.#running.values()].find((one) => one.job.request.destination === destination) ?? null;
  }

  async #restore(record: TransferRecord, resume: boolean): Promise<void> {
    const { request } = record;
    const view = settledView(record.view);
    const id = view.id as TransferId;
    if (isFinal(view.state)) {
      this.#ended.set(id, view);
      return;
    }
    const job = new TransferJob(this.#deps, request, view, await this.#store.trace(id));
    if (
      record.handingOver &&
      !(await exists(request.destination + PART_SUFFIX)) &&
      (await exists(request.destination))
    ) {
      job.completed(view.sha256);
      await this.#end(job);
    } else if (resume) {
      job.note('RESTARTED', 'the node started again and goes on with this transfer');
      await this.#begin(job);
    }
  }

  async #begin(job: TransferJob): Promise<void> {
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Entered before anything is awaited: nobody else can take the destination from here on.
    this.#running.set(job.id, { job, stop, settled: promise });
    try {
      await this.#store.save(job, false);
    } catch (error) {
      this.#running.delete(job.id);
      resolve();
      throw error;
    }
    const run = () => this.#run(job, stop.signal);
    const work = job.request.priority === 'foreground' ? run() : this.#background.schedule(run);
    work.then(resolve, (error) => {
      this.#deps.log.error({ err: error, transfer: job.id }, 'a transfer ended in an unforeseen way');
      resolve();
    });
  }

  async #run(job: TransferJob, signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      job.started();
      await this.#record(job);
      const delivered = await runTransfer(job, this.#deps, signal);
      job.completed(delivered.sha256);
      await this.#record(job);
      await shareDelivered(delivered, job, this.#deps, signal);
    } catch (error) {
      if (signal.reason === SHUTDOWN && !job.isFinal) {
        await this.#record(job);
        this.#ended.set(job.id, job.view());
        this.#running.delete(job.id);
        return;
      }
      if (!job.isFinal) job.failed(signal.aborted ? toNearbitsError(signal.reason) : toNearbitsError(error));
    }
    await this.#end(job);
  }

  // What the index cannot take is true all the same: the transfer goes on, and is told as it is while the node runs.
  async #record(job: TransferJob): Promise<void> {
    try {
      await this.#store.save(job, false);
    } catch (error) {
      this.#deps.log.error({ err: error, transfer: job.id }, 'a transfer could not be recorded');
    }
  }

  async #end(job: TransferJob): Promise<void> {
    await this.#record(job);
    this.#ended.set(job.id, job.view());
    this.#running.delete(job.id);
    const oldest = this.#ended.size > MAX_ENDED_TRANSFERS ? this.#ended.keys().next().value : undefined;
    if (oldest === undefined) return;
    this.#ended.delete(oldest);
    await this.#store.forget(oldest);
  }
}

function joinOrRefuse(job: TransferJob, url: string): TransferView {
  if (job.request.url === url) return job.view();
  throw new NearbitsError('E_DESTINATION', `${job.request.destination} is being written by transfer ${job.id}`, {
    hint: 'Choose another destination, or cancel that transfer first.',
  });
}

function notFound(id: TransferId): NearbitsError {
  return new NearbitsError('E_NOT_FOUND', `there is no transfer ${id}`, {
    hint: 'Look at `nearbits status` for the transfers that are remembered.',
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
