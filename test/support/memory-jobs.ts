import { readFile, writeFile } from 'node:fs/promises';
import type { Caller } from '../../src/core/caller.ts';
import { NearbitsError } from '../../src/core/errors.ts';
import { type JobId, newJobId } from '../../src/core/ids.ts';
import type { JobBackend, JobQuery } from '../../src/job/model/job-backend.ts';
import type { JobPropertiesChange } from '../../src/job/model/properties.ts';
import { afterCall, isFinal, type JobCall, type JobState } from '../../src/job/model/state.ts';
import type {
  CallResult,
  FilledRange,
  JobClientCertificate,
  JobCredentials,
  JobErrorView,
  JobFileRequest,
  JobFileView,
  JobNotification,
  JobRange,
  JobRequest,
  JobView,
  NotificationKind,
} from '../../src/job/model/view.ts';
import type { EventBus } from '../../src/observe/events.ts';
import { fatalError, newFileView, newJobView, shown } from './memory-job-views.ts';

interface MemoryJob {
  view: JobView;
  files: JobFileView[];
  filled: FilledRange[][];
}

/** Jobs that stand still until the test moves them with {@link fill}, {@link transferred} or {@link fail}. */
export class MemoryJobs implements JobBackend {
  readonly jobs = new Map<JobId, MemoryJob>();
  readonly waiting: JobNotification[] = [];
  /** Positions that readers asked for, in order. */
  readonly positions: number[] = [];
  /** Ranges that were asked for, in order. */
  readonly requested: JobRange[] = [];
  /** Everything secret that callers gave. */
  readonly secrets: (JobCredentials | JobClientCertificate)[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #events: EventBus;

  constructor(events: EventBus) {
    this.#events = events;
  }

  async create({ name: owner }: Caller, request: JobRequest): Promise<JobView> {
    const { type, files, resume, ...properties } = request;
    const id = newJobId();
    const view = newJobView(id, owner, type, properties);
    this.jobs.set(id, { view, files: [], filled: [] });
    await this.addFiles({ name: owner, administrator: true, folders: null }, id, files);
    if (resume) this.move(id, 'QUEUED');
    return this.#job(id).view;
  }

  async list(caller: Caller, { allUsers, ended, after, limit, name }: JobQuery) {
    if (allUsers && !caller.administrator)
      throw new NearbitsError('E_ACCESSDENIED', 'only administrators see all jobs');
    const all = [...this.jobs.values()].map(({ view }) => view).sort((a, b) => (a.id < b.id ? -1 : 1));
    const found = all.filter(
      (view) =>
        (allUsers || view.owner === caller.name) &&
        (ended || !isFinal(view.state)) &&
        (after === null || view.id > after) &&
        (name === null || view.properties.displayName === name),
    );
    const jobs = found.slice(0, limit);
    return { jobs, next: found.length > limit ? (jobs.at(-1)?.id as JobId) : null };
  }

  async get(caller: Caller, id: JobId): Promise<JobView> {
    return this.#own(caller, id).view;
  }

  async files(caller: Caller, id: JobId): Promise<readonly JobFileView[]> {
    return this.#own(caller, id).files;
  }

  async addFiles(caller: Caller, id: JobId, files: readonly JobFileRequest[]): Promise<JobView> {
    const job = this.#called(caller, id, 'addFiles');
    for (const file of files) {
      job.files.push(newFileView(job.files.length, file));
      job.filled.push([]);
    }
    return this.#change(id, { files: { ...job.view.files, total: job.files.length } });
  }

  async set(caller: Caller, id: JobId, change: JobPropertiesChange): Promise<JobView> {
    const { view } = this.#called(caller, id, 'set');
    return this.#change(id, { properties: shown({ ...(view.properties as JobRequest), ...change }) });
  }

  async resume(caller: Caller, id: JobId): Promise<JobView> {
    if (this.#called(caller, id, 'resume').files.length === 0) throw new NearbitsError('BG_E_EMPTY', 'no files');
    return this.#own(caller, id).view;
  }

  async suspend(caller: Caller, id: JobId): Promise<JobView> {
    return this.#called(caller, id, 'suspend').view;
  }

  /** Gives the files that are there their names. */
  async complete(caller: Caller, id: JobId): Promise<CallResult> {
    const job = this.#called(caller, id, 'complete');
    const done = job.files.filter(({ transferred }) => transferred);
    for (const file of done) {
      if (file.temporaryName !== null) await writeFile(file.localName, await readFile(file.temporaryName));
      Object.assign(file, { completed: true, temporaryName: null, sharing: 'shared' });
    }
    return { code: done.length < job.files.length ? 'BG_S_PARTIAL_COMPLETE' : 'S_OK', job: job.view };
  }

  async cancel(caller: Caller, id: JobId): Promise<CallResult> {
    return { code: 'S_OK', job: this.#called(caller, id, 'cancel').view };
  }

  async reset(caller: Caller, allUsers: boolean): Promise<readonly CallResult[]> {
    const query = { allUsers, ended: false, after: null, limit: 1000, name: null };
    const { jobs } = await this.list(caller, query);
    return await Promise.all(jobs.map(({ id }) => this.cancel(caller, id as JobId)));
  }

  async takeOwnership(caller: Caller, id: JobId): Promise<JobView> {
    if (!caller.administrator) throw new NearbitsError('E_ACCESSDENIED', 'only administrators take jobs over');
    this.#called(caller, id, 'takeOwnership');
    return this.#change(id, { owner: caller.name, credentials: [], clientCertificate: null });
  }

  async error(caller: Caller, id: JobId): Promise<JobErrorView> {
    return this.#called(caller, id, 'getError').view.error as JobErrorView;
  }

  async trace(caller: Caller, id: JobId) {
    this.#own(caller, id);
    return [{ atMs: 1, code: 'HEAD', text: 'asked the origin', data: { status: 200 } }];
  }

  async setCredentials(caller: Caller, id: JobId, credentials: JobCredentials): Promise<JobView> {
    this.#called(caller, id, 'set');
    this.secrets.push(credentials);
    const { target, scheme, user } = credentials;
    return this.#change(id, { credentials: [{ target, scheme, user }] });
  }

  async removeCredentials(caller: Caller, id: JobId, target: string, scheme: string): Promise<CallResult> {
    const { view } = this.#called(caller, id, 'set');
    const left = view.credentials.filter((one) => one.target !== target || one.scheme !== scheme);
    const code = left.length < view.credentials.length ? 'S_OK' : 'S_FALSE';
    return { code, job: this.#change(id, { credentials: left }) };
  }

  async setClientCertificate(caller: Caller, id: JobId, certificate: JobClientCertificate): Promise<JobView> {
    this.#called(caller, id, 'set');
    this.secrets.push(certificate);
    return this.#change(id, { clientCertificate: { subject: 'CN=test', sha256: '0'.repeat(64) } });
  }

  async removeClientCertificate(caller: Caller, id: JobId): Promise<CallResult> {
    const { view } = this.#called(caller, id, 'set');
    const code = view.clientCertificate === null ? 'S_FALSE' : 'S_OK';
    return { code, job: this.#change(id, { clientCertificate: null }) };
  }

  async setRemoteName(caller: Caller, id: JobId, file: number, url: string): Promise<JobView> {
    this.#called(caller, id, 'setRemoteName');
    this.#changeFile(id, file, { remoteUrl: url });
    return this.#job(id).view;
  }

  async replaceRemotePrefix(caller: Caller, id: JobId, from: string, to: string): Promise<CallResult> {
    const job = this.#called(caller, id, 'setRemoteName');
    const matching = job.files.filter(({ remoteUrl }) => remoteUrl.startsWith(from));
    for (const file of matching) file.remoteUrl = to + file.remoteUrl.slice(from.length);
    return { code: matching.length === 0 ? 'S_FALSE' : 'S_OK', job: job.view };
  }

  async setValidationState(caller: Caller, id: JobId, file: number, valid: boolean): Promise<JobView> {
    this.#called(caller, id, 'setValidationState');
    if (!this.#file(id, file).transferred) throw new NearbitsError('E_PENDING', `file ${file} is not finished`);
    this.#changeFile(id, file, { validation: valid ? 'valid' : 'invalid' });
    return this.#job(id).view;
  }

  async requestRanges(caller: Caller, id: JobId, file: number, ranges: readonly JobRange[]): Promise<JobView> {
    const { view } = this.#called(caller, id, 'requestRanges');
    this.#file(id, file);
    this.requested.push(...ranges);
    return view;
  }

  async filledRanges(caller: Caller, id: JobId, file: number): Promise<readonly FilledRange[]> {
    this.#own(caller, id);
    this.#file(id, file);
    return this.#job(id).filled[file] ?? [];
  }

  async updateDownloadPosition(caller: Caller, id: JobId, file: number, offset: number): Promise<void> {
    this.#own(caller, id);
    this.#file(id, file);
    this.positions.push(offset);
    this.#tell();
  }

  async settled(caller: Caller, id: JobId, until: (job: JobView) => boolean, signal: AbortSignal): Promise<JobView> {
    await this.#until(() => until(this.#own(caller, id).view), signal);
    return this.#own(caller, id).view;
  }

  async *notifications(caller: Caller, jobId: JobId | null, signal: AbortSignal): AsyncGenerator<JobNotification> {
    const told = new Set<string>();
    const next = () =>
      this.waiting.find(
        (note) => !told.has(note.id) && note.owner === caller.name && (jobId === null || note.jobId === jobId),
      );
    for (;;) {
      await this.#until(() => next() !== undefined, signal);
      const note = next() as JobNotification;
      told.add(note.id);
      yield note;
    }
  }

  async acknowledge(caller: Caller, notificationId: string): Promise<void> {
    const index = this.waiting.findIndex(({ id, owner }) => id === notificationId && owner === caller.name);
    if (index >= 0) this.waiting.splice(index, 1);
    this.#tell();
  }

  /** Resolves once the condition holds; looked at after each change. */
  async until(holds: () => boolean): Promise<void> {
    await this.#until(holds, new AbortController().signal);
  }

  /** Resolves once somebody waits for a change. */
  async watched(): Promise<void> {
    while (this.#listeners.size === 0) await new Promise(setImmediate);
  }

  /** Something the owner of a job is told. */
  notify(id: JobId, kind: NotificationKind): JobNotification {
    const { state, owner, properties, error } = this.#job(id).view;
    const noteId = String(this.waiting.length + 1).padStart(8, '0');
    const job = { displayName: properties.displayName, state, error };
    const note = { id: noteId, jobId: id, owner, kind, atMs: 1, attempt: 1, file: null, ranges: null, job };
    this.waiting.push(note);
    this.#tell();
    return note;
  }

  /** A file of a job is being fetched into `temporaryName` and is so far. */
  fill(id: JobId, file: number, temporaryName: string, bytesTotal: number, filled: readonly FilledRange[]): void {
    const bytesTransferred = filled.reduce((sum, { length }) => sum + length, 0);
    const version = { size: bytesTotal, lastModifiedMs: 5, etag: '"1"' };
    this.#changeFile(id, file, { temporaryName, bytesTotal, bytesTransferred, version });
    this.#job(id).filled[file] = [...filled];
    const { view } = this.#job(id);
    this.#change(id, {
      state: 'TRANSFERRING',
      bytes: { ...view.bytes, total: bytesTotal, transferred: bytesTransferred, fromPeers: bytesTransferred },
    });
    const bytes = { bytesDone: bytesTransferred, bytesTotal, bytesFromPeers: bytesTransferred };
    const progress = { ...bytes, bytesFromOrigin: 0, bytesFromCache: 0, file };
    this.#events.emit({ type: 'transfer.progress', transferId: id, ...progress });
  }

  /** The origin has another version of a file now. */
  replace(id: JobId, file: number, etag: string): void {
    const { version } = this.#file(id, file);
    if (version !== null) this.#changeFile(id, file, { version: { ...version, etag } });
  }

  /** All files of the job are there. */
  transferred(id: JobId): void {
    const job = this.#job(id);
    for (const { index } of job.files) this.#changeFile(id, index, { transferred: true });
    this.#change(id, { files: { total: job.files.length, transferred: job.files.length }, transferredMs: 9 });
    this.move(id, 'TRANSFERRED');
  }

  /** The job ends in error. */
  fail(id: JobId, code: 'BG_E_HTTP_ERROR_404' | 'BG_E_VALIDATION_FAILED'): void {
    const error = fatalError(code);
    this.#change(id, { error, errorCount: 1 });
    this.move(id, 'ERROR');
  }

  /** The job waits after an error that passes, and will be tried again in so many milliseconds. */
  stumble(id: JobId, retryInMs: number): void {
    const error: JobErrorView = {
      ...fatalError('BG_E_CONNECT_FAILURE'),
      kind: 'transient',
      message: 'the origin is down',
    };
    this.#change(id, { error, errorCount: 1, retryAtMs: Date.now() + retryInMs });
    this.move(id, 'TRANSIENT_ERROR');
  }

  /** Moves the job to a state and tells it. */
  move(id: JobId, to: JobState): void {
    const { state: from } = this.#job(id).view;
    this.#change(id, { state: to, endedMs: isFinal(to) ? 9 : null });
    this.#events.emit({ type: 'job.state', jobId: id, from, to });
  }

  #job(id: JobId): MemoryJob {
    const job = this.jobs.get(id);
    if (job === undefined) throw new NearbitsError('BG_E_NOT_FOUND', `there is no job ${id}`);
    return job;
  }

  #own(caller: Caller, id: JobId): MemoryJob {
    const job = this.jobs.get(id);
    if (job !== undefined && (caller.administrator || job.view.owner === caller.name)) return job;
    throw new NearbitsError('BG_E_NOT_FOUND', `there is no job ${id}`);
  }

  #called(caller: Caller, id: JobId, call: JobCall): MemoryJob {
    const { state } = this.#own(caller, id).view;
    const next = afterCall(state, call);
    if (next !== state) this.move(id, next);
    return this.#job(id);
  }

  #file(id: JobId, index: number): JobFileView {
    const file = this.#job(id).files[index];
    if (file === undefined) throw new NearbitsError('E_INVALIDARG', `the job has no file ${index}`);
    return file;
  }

  #change(id: JobId, change: Partial<JobView>): JobView {
    const job = this.#job(id);
    job.view = { ...job.view, ...change };
    this.#tell();
    return job.view;
  }

  #changeFile(id: JobId, index: number, change: Partial<JobFileView>): void {
    this.#job(id).files[index] = { ...this.#file(id, index), ...change };
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    while (!holds()) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const stop = () => reject(signal.reason);
      signal.throwIfAborted();
      signal.addEventListener('abort', stop);
      this.#listeners.add(resolve);
      try {
        await promise;
      } finally {
        this.#listeners.delete(resolve);
        signal.removeEventListener('abort', stop);
      }
    }
  }
}
