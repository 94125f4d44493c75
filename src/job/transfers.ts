import { basename } from 'node:path';
import { parseRequestedRange } from '../core/byte-range.ts';
import type { Caller } from '../core/caller.ts';
import { type ErrorCode, NearbitsError } from '../core/errors.ts';
import type { TransferId } from '../core/ids.ts';
import { parseOriginUrl } from '../core/url.ts';
import { checkDestination } from '../fetch/destination.ts';
import type { JobContext } from './context.ts';
import type { Closing } from './end/closing.ts';
import { fileView, type Job } from './job.ts';
import type { JobService } from './job-service.ts';
import type { JobTable } from './job-table.ts';
import { NOTIFY, PEER_CACHING } from './model/properties.ts';
import { isFinal, isRunning } from './model/state.ts';
import type { ErrorView, TraceEntry, TransferRequest, TransferState, TransferView } from './model/transfer-view.ts';
import { type JobFileView, type JobRange, JobRequest } from './model/view.ts';
import type { Waiters } from './waiters.ts';

/** A file name may be longer than the display name of a job. */
const MAX_NAME_LENGTH = 256;

/** What the one-shot form of jobs works with. */
export interface TransfersDeps {
  readonly context: JobContext;
  readonly jobs: JobTable;
  readonly closing: Closing;
  readonly waiters: Waiters;
}

/**
 * The one-shot form of jobs: one file, begun at once, completed as soon as it is there, and given up at the first error
 * that the tries within a run did not mend. A failed or cancelled transfer keeps its part file, with which the next one
 * for the same destination goes on.
 */
export class Transfers {
  readonly #service: JobService;
  readonly #jobs: JobTable;
  readonly #closing: Closing;
  readonly #waiters: Waiters;
  readonly #context: JobContext;
  /** Transfers that were asked for and are still being checked, by destination. */
  readonly #making = new Map<string, { readonly url: string; readonly owner: string; readonly job: Promise<Job> }>();

  constructor(service: JobService, { context, jobs, closing, waiters }: TransfersDeps) {
    this.#service = service;
    this.#closing = closing;
    this.#jobs = jobs;
    this.#waiters = waiters;
    this.#context = context;
  }

  /**
   * Checks a wish and begins with it. The same wish for the same destination joins the transfer that runs already.
   * @throws NearbitsError E_INVALID_URL, E_INVALID_RANGE, E_DESTINATION, and what JobBackend.create throws
   */
  async start(caller: Caller, request: TransferRequest): Promise<TransferView> {
    const url = parseOriginUrl(request.url);
    const ranges = request.ranges?.map(jobRange);
    const twin = this.#twin(caller, request.destination, url);
    if (twin !== null) return transferView(await twin);
    const making = this.#make(caller, { ...request, url }, ranges).finally(() => {
      this.#making.delete(request.destination);
    });
    this.#making.set(request.destination, { url, owner: caller.name, job: making });
    return transferView(await making);
  }

  /** All transfers that are remembered, newest first; for administrators those of everybody. */
  async list(caller: Caller): Promise<TransferView[]> {
    const all = [...this.#jobs.open.values(), ...this.#jobs.ended.values()];
    const mine = all.filter((job) => isTransfer(job) && (caller.administrator || job.record.owner === caller.name));
    return mine.map(transferView).sort((a, b) => b.createdMs - a.createdMs);
  }

  /** @throws NearbitsError E_NOT_FOUND */
  async get(caller: Caller, id: TransferId): Promise<TransferView> {
    return transferView(this.#find(caller, id));
  }

  /** Every decision, oldest first; of any job, so that one command explains all. @throws NearbitsError E_NOT_FOUND */
  async trace(caller: Caller, id: TransferId): Promise<TraceEntry[]> {
    this.#find(caller, id);
    return this.#service.trace(caller, id);
  }

  /** Stops a transfer and keeps its part file; one that ended stays as it is. @throws NearbitsError E_NOT_FOUND */
  async cancel(caller: Caller, id: TransferId): Promise<TransferView> {
    const job = this.#find(caller, id);
    await job.exclusively(async () => {
      if (isFinal(job.state)) return;
      job.record.error = null;
      await this.#closing.cancel(job, true, 'caller');
      const failure = { code: 'E_CANCELLED', message: 'the transfer was cancelled' } as const;
      this.#context.emit({ type: 'transfer.failed', transferId: id, file: null, ...failure });
    });
    return transferView(job);
  }

  /** Resolves when the transfer ended and its sharing was decided, or the node stops. @throws NearbitsError E_NOT_FOUND */
  async settled(caller: Caller, id: TransferId): Promise<TransferView> {
    const { stopping } = this.#context;
    for (;;) {
      const changed = this.#waiters.next(id, stopping);
      const job = this.#find(caller, id);
      const view = transferView(job);
      if (stopping.aborted || (isFinal(job.state) && view.sharing !== 'pending')) return view;
      await changed.catch((error) => {
        if (!stopping.aborted) throw error;
      });
    }
  }

  async #make(caller: Caller, request: TransferRequest, ranges: JobRange[] | undefined): Promise<Job> {
    await checkDestination(request.destination, request.overwrite);
    const { id } = await this.#service.create(caller, jobRequest(request, ranges));
    return this.#find(caller, id as TransferId);
  }

  /** The transfer of the same URL to the same place, that runs or is just being made. @throws NearbitsError E_DESTINATION when it is another one */
  #twin(caller: Caller, destination: string, url: string): Job | Promise<Job> | null {
    const making = this.#making.get(destination);
    if (making !== undefined && making.url === url && making.owner === caller.name) return making.job;
    const job = this.#jobs.writing(destination);
    if (job === null && making === undefined) return null;
    const same = job !== null && isTransfer(job) && job.record.files[0]?.remoteUrl === url;
    if (same && job.record.owner === caller.name) return job;
    const by = job === null ? 'another transfer' : `transfer ${job.id}`;
    throw new NearbitsError('E_DESTINATION', `${destination} is being written by ${by}`, {
      hint: 'Choose another destination, or cancel that transfer first.',
    });
  }

  #find(caller: Caller, id: TransferId): Job {
    const job = this.#jobs.find(id);
    if (job !== null && (caller.administrator || job.record.owner === caller.name)) return job;
    throw new NearbitsError('E_NOT_FOUND', `there is no transfer ${id}`, {
      hint: 'Look at `nearbits status` for the transfers that are remembered.',
    });
  }
}

function isTransfer(job: Job): boolean {
  return job.record.properties.autoComplete && job.record.files.length === 1;
}

function jobRequest(request: TransferRequest, ranges: JobRange[] | undefined): JobRequest {
  const { url, destination, sha256, metalink, overwrite, usePeers, share, priority } = request;
  const name = basename(destination)
    .replaceAll(/\p{Cc}/gu, '?')
    .slice(0, MAX_NAME_LENGTH);
  return JobRequest.parse({
    displayName: name,
    priority: priority === 'foreground' ? 'FOREGROUND' : 'NORMAL',
    // Nobody waits ten minutes in front of a command: what a run cannot mend by itself ends the transfer.
    noProgressTimeoutSeconds: 0,
    notifyFlags: NOTIFY.disable,
    peerCachingFlags: (usePeers ? PEER_CACHING.client : 0) | (share ? PEER_CACHING.server : 0),
    autoComplete: true,
    resume: true,
    files: [
      {
        remoteUrl: url,
        localName: destination,
        overwrite,
        ...(ranges === undefined ? {} : { ranges }),
        ...(sha256 === undefined ? {} : { sha256 }),
        ...(metalink === undefined ? {} : { metalink }),
      },
    ],
  });
}

function jobRange(text: string): JobRange {
  const { start, end } = parseRequestedRange(text);
  return { offset: start, length: end === null ? 'EOF' : end - start };
}

function rangeText({ offset, length }: JobRange): string {
  return length === 'EOF' ? `${offset}-` : `${offset}-${offset + length - 1}`;
}

/** The first file of a job as a transfer. */
function transferView(job: Job): TransferView {
  const { record } = job;
  const file: JobFileView = fileView(job, 0);
  return {
    id: record.id,
    url: file.remoteUrl,
    destination: file.localName,
    ranges: file.ranges?.map(rangeText) ?? null,
    state: stateOf(job),
    sharing: file.sharing,
    sharingReason: file.sharingReason,
    bytesTotal: file.bytesTotal,
    bytesDone: file.bytesTransferred,
    bytesFromPeers: file.bytesFromPeers,
    bytesFromOrigin: file.bytesFromOrigin,
    bytesFromCache: file.bytesFromCache,
    version: file.version,
    sha256: record.files[0]?.digest ?? null,
    priority: record.properties.priority === 'FOREGROUND' ? 'foreground' : 'background',
    createdMs: record.createdMs,
    startedMs: record.startedMs,
    finishedMs: record.endedMs,
    error: errorOf(job),
  };
}

function stateOf({ record }: Job): TransferState {
  if (record.state === 'ACKNOWLEDGED') return 'completed';
  if (record.state === 'CANCELLED') return record.error === null ? 'cancelled' : 'failed';
  return isRunning(record.state) || record.state === 'TRANSFERRED' ? 'running' : 'queued';
}

/** The node's own code, which says more than that of BITS. */
function errorOf({ record }: Job): ErrorView | null {
  const { error } = record;
  if (error !== null) {
    return { code: error.cause as ErrorCode, message: error.message, hint: error.hint, details: error.details };
  }
  if (record.state !== 'CANCELLED') return null;
  return { code: 'E_CANCELLED', message: 'the transfer was cancelled', hint: null, details: {} };
}
