import type { TraceEntry } from '../job/model/transfer-view.ts';
import type {
  CallResult,
  FilledRange,
  JobClientCertificate,
  JobCredentials,
  JobErrorView,
  JobFileRequestInput,
  JobFileView,
  JobRange,
  JobView,
} from '../job/model/view.ts';
import type { CallOptions } from './access.ts';
import type { JobCalls, JobChange } from './job-calls.ts';
import { readJobFile } from './job-reader.ts';
import { untilTransferred, watchJob } from './job-watch.ts';

/**
 * One job of a node, known by its id. Every method asks the node and throws NearbitsError: BG_E_NOT_FOUND for a job that
 * does not exist or is somebody else's, BG_E_INVALID_STATE for a call that its state forbids, E_CANCELLED when the signal
 * aborts. Ending a loop over the job, or aborting, never ends the job itself.
 */
export class Job {
  readonly id: string;
  readonly #calls: JobCalls;
  #view: JobView | null;

  /** Made by {@link Jobs}. */
  constructor(calls: JobCalls, id: string, view: JobView | null) {
    this.#calls = calls;
    this.id = id;
    this.#view = view;
  }

  /** The job as the last answer of the node showed it; null before the first one. */
  get view(): JobView | null {
    return this.#view;
  }

  /** The job as it is now. */
  async get({ signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.get(this.id, signal));
  }

  /** Changes any of its properties. @throws the code BITS has for the mistake in a property */
  async set(change: JobChange, { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.set(this.id, change, signal));
  }

  /** Queues the job, or lets it try again now. @throws BG_E_EMPTY without files */
  async resume({ signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.resume(this.id, signal));
  }

  /** Stops fetching; what is there is kept. */
  async suspend({ signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.suspend(this.id, signal));
  }

  /** Gives the finished files their names, drops the others, and ends the job. The code is BG_S_PARTIAL_COMPLETE when some were dropped. */
  async complete({ signal }: CallOptions = {}): Promise<CallResult> {
    return this.#result(await this.#calls.complete(this.id, signal));
  }

  /** Drops what was fetched and ends the job. */
  async cancel({ signal }: CallOptions = {}): Promise<CallResult> {
    return this.#result(await this.#calls.cancel(this.id, signal));
  }

  /** Makes the job the caller's, without its secrets. @throws E_ACCESSDENIED unless administrator */
  async takeOwnership({ signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.takeOwnership(this.id, signal));
  }

  /** Why the job is in ERROR or TRANSIENT_ERROR. @throws BG_E_ERROR_INFORMATION_UNAVAILABLE in other states */
  error({ signal }: CallOptions = {}): Promise<JobErrorView> {
    return this.#calls.error(this.id, signal);
  }

  /** Every decision about its files with its reason, oldest first. */
  trace({ signal }: CallOptions = {}): Promise<TraceEntry[]> {
    return this.#calls.trace(this.id, signal);
  }

  /** Its files in their order. */
  files({ signal }: CallOptions = {}): Promise<JobFileView[]> {
    return this.#calls.files(this.id, signal);
  }

  /** Adds all these files or none. @throws E_INVALIDARG, E_ACCESSDENIED, BG_E_TOO_MANY_FILES_IN_JOB */
  async addFiles(files: readonly JobFileRequestInput[], { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.addFiles(this.id, files, signal));
  }

  /** Fetches a file, by its place from 0, from another URL. */
  async setRemoteName(file: number, url: string, { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.setRemoteName(this.id, file, url, signal));
  }

  /** Exchanges the beginning of the URLs of all unfinished files. The code is S_FALSE when none began so. */
  async replaceRemotePrefix(from: string, to: string, { signal }: CallOptions = {}): Promise<CallResult> {
    return this.#result(await this.#calls.replaceRemotePrefix(this.id, from, to, signal));
  }

  /** Accepts or refuses the content of a transferred file. @throws E_PENDING before it is transferred */
  async setValidationState(file: number, valid: boolean, { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.setValidationState(this.id, file, valid, signal));
  }

  /** Asks for ranges of a file in on-demand mode. @throws BG_E_INVALID_RANGE, BG_E_RANDOM_ACCESS_NOT_SUPPORTED */
  async requestRanges(file: number, ranges: readonly JobRange[], { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.requestRanges(this.id, file, ranges, signal));
  }

  /** Which ranges of the remote file are there, merged and in order. */
  filledRanges(file: number, { signal }: CallOptions = {}): Promise<FilledRange[]> {
    return this.#calls.filledRanges(this.id, file, signal);
  }

  /** Lets what lies behind an offset of the remote file be fetched first. */
  updateDownloadPosition(file: number, offset: number, { signal }: CallOptions = {}): Promise<void> {
    return this.#calls.updateDownloadPosition(this.id, file, offset, signal);
  }

  /** Sets the credentials for one target and scheme; the node never shows them again. */
  async setCredentials(credentials: JobCredentials, { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.setCredentials(this.id, credentials, signal));
  }

  /** Forgets the credentials of one target and scheme. The code is S_FALSE when there were none. */
  async removeCredentials(target: string, scheme: string, { signal }: CallOptions = {}): Promise<CallResult> {
    return this.#result(await this.#calls.removeCredentials(this.id, target, scheme, signal));
  }

  /** Sets the client certificate; the node never shows its key again. */
  async setClientCertificate(certificate: JobClientCertificate, { signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.setClientCertificate(this.id, certificate, signal));
  }

  /** Forgets the client certificate. The code is S_FALSE when there was none. */
  async removeClientCertificate({ signal }: CallOptions = {}): Promise<CallResult> {
    return this.#result(await this.#calls.removeClientCertificate(this.id, signal));
  }

  /** The job once it is TRANSFERRED, in ERROR, SUSPENDED, or has ended. */
  async settled({ signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await this.#calls.settled(this.id, signal));
  }

  /**
   * The job once all its files are there.
   * @throws NearbitsError with the code of the job's error; E_CANCELLED; BG_E_INVALID_STATE when the job is suspended.
   */
  async transferred({ signal }: CallOptions = {}): Promise<JobView> {
    return this.#seen(await untilTransferred(this.#calls, this.id, signal));
  }

  /** The job as it stands now and after each change, until it is TRANSFERRED, in ERROR or has ended. */
  async *watch({ signal }: CallOptions = {}): AsyncGenerator<JobView, void, undefined> {
    for await (const view of watchJob(this.#calls, this.id, signal)) yield this.#seen(view);
  }

  /**
   * The bytes of a file, by its place from 0, from `start` to its end, while it is being fetched. They are read from the
   * file itself, so this works on the machine of the node only. A digest of the whole file is compared after that.
   * @throws NearbitsError the error of the job; BG_E_INVALID_STATE when it is suspended before the bytes are there (in
   * on-demand mode: ask for them first); BG_E_REMOTE_FILE_CHANGED.
   */
  read(
    file: number,
    { start = 0, signal }: CallOptions & { readonly start?: number | undefined } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return readJobFile(this.#calls, this.id, file, start, signal);
  }

  #seen(view: JobView): JobView {
    this.#view = view;
    return view;
  }

  #result(result: CallResult): CallResult {
    this.#view = result.job;
    return result;
  }
}
