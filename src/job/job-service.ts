import type { DescribedContent } from '../content/given-metalink.ts';
import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import { checkFolder, checkRemoteName, replacePrefix } from './check/file.ts';
import { checkProperties } from './check/properties.ts';
import { checkTiming, settle } from './check/timing.ts';
import type { JobContext } from './context.ts';
import { Desk } from './desk.ts';
import type { Closing } from './end/closing.ts';
import { type FileCallDeps, fileOf, filled, requestRanges, setValidation, updatePosition } from './file-calls.ts';
import { fileView, Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { JobBackend, JobQuery } from './model/job-backend.ts';
import type { JobPropertiesChange } from './model/properties.ts';
import { afterCall, isFinal } from './model/state.ts';
import type { TraceEntry } from './model/transfer-view.ts';
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
} from './model/view.ts';
import { checkJobCount, checkNewFiles, type NewFile, newRecord } from './new-job.ts';
import type { Notifier } from './notifier.ts';
import type { Engine } from './run/engine.ts';
import { SecretCalls } from './secret-calls.ts';
import { applyChange, checkIsOwner } from './set-properties.ts';
import type { Waiters } from './waiters.ts';

/** What the service is made of. */
export interface JobServiceParts {
  readonly context: JobContext;
  readonly jobs: JobTable;
  readonly engine: Engine;
  readonly closing: Closing;
  readonly notifier: Notifier;
  readonly waiters: Waiters;
}

/** The calls of the job service: who may make them, what they check, and what they change. */
export class JobService implements JobBackend {
  readonly #context: JobContext;
  readonly #jobs: JobTable;
  readonly #engine: Engine;
  readonly #closing: Closing;
  readonly #notifier: Notifier;
  readonly #waiters: Waiters;
  readonly #desk: Desk;
  readonly #secrets: SecretCalls;
  readonly #fileCalls: FileCallDeps;

  constructor({ context, jobs, engine, closing, notifier, waiters }: JobServiceParts) {
    this.#context = context;
    this.#jobs = jobs;
    this.#engine = engine;
    this.#closing = closing;
    this.#notifier = notifier;
    this.#waiters = waiters;
    this.#desk = new Desk(context, jobs);
    this.#secrets = new SecretCalls(this.#desk, engine, context);
    this.#fileCalls = { context, engine };
  }

  async create(caller: Caller, request: JobRequest): Promise<JobView> {
    const { type, files, resume, ...properties } = request;
    if (type !== 'DOWNLOAD') {
      throw new NearbitsError('E_NOTIMPL', `jobs of type ${type} cannot be made yet`, { details: { type } });
    }
    checkProperties(properties);
    checkTiming(properties, { files: 0, everResumed: false, type });
    const settled = settle(properties, { ranged: hasRanges(files) });
    const added = await checkNewFiles(caller, files, 0, this.#jobs, this.#context);
    checkJobCount(caller, this.#jobs, this.#context);
    const records = added.map(({ record }) => record);
    const job = new Job(newRecord(caller, settled, records, this.#context));
    await this.#enter(job, describedFrom(0, added));
    const { id } = job;
    this.#context.emit({ type: 'job.created', jobId: id, owner: caller.name, displayName: properties.displayName });
    return resume ? this.resume(caller, id) : this.#desk.view(job, caller);
  }

  async list(caller: Caller, query: JobQuery): ReturnType<JobBackend['list']> {
    if (query.allUsers && !caller.administrator) throw notAllowed('jobs of all users are for administrators');
    const pools = query.ended ? [this.#jobs.open, this.#jobs.ended] : [this.#jobs.open];
    const matching: Job[] = [];
    for (const pool of pools) {
      for (const job of pool.values()) {
        if (!query.allUsers && job.record.owner !== caller.name) continue;
        if (query.name !== null && job.record.properties.displayName !== query.name) continue;
        if (query.after === null || job.id > query.after) matching.push(job);
      }
    }
    matching.sort((a, b) => (a.id < b.id ? -1 : 1));
    const page = matching.slice(0, query.limit);
    const next = matching.length > page.length ? (page.at(-1)?.id ?? null) : null;
    return { jobs: page.map((job) => this.#desk.view(job, caller)), next };
  }

  async get(caller: Caller, id: JobId): Promise<JobView> {
    return this.#desk.view(this.#desk.find(caller, id), caller);
  }

  async files(caller: Caller, id: JobId): Promise<JobFileView[]> {
    const job = this.#desk.find(caller, id);
    return job.record.files.map((_, index) => fileView(job, index));
  }

  addFiles(caller: Caller, id: JobId, files: readonly JobFileRequest[]): Promise<JobView> {
    return this.#desk.change(caller, id, 'addFiles', async (job) => {
      if (files.length === 0) throw new NearbitsError('E_INVALIDARG', 'no file is given');
      const there = job.record.files.length;
      const added = await checkNewFiles(caller, files, there, this.#jobs, this.#context);
      settle(job.record.properties, { ranged: hasRanges(files) });
      // Before the files, so that none is ever fetched without what it has to be compared with.
      await this.#context.store.saveMetalinks(job, describedFrom(there, added));
      job.record.files.push(...added.map(({ record }) => record));
      this.#jobs.claim(job);
    });
  }

  set(caller: Caller, id: JobId, change: JobPropertiesChange): Promise<JobView> {
    return this.#desk.change(caller, id, 'set', async (job) => {
      const { record } = job;
      if (change.customHeaders !== undefined) checkIsOwner(job, caller, 'headers');
      checkProperties(change);
      const { properties, type, resumed, files } = record;
      checkTiming(change, { files: files.length, everResumed: resumed, type, current: properties });
      const ranged = files.some((file) => file.ranges !== null);
      const { priority } = settle({ ...properties, ...plainOf(change) }, { ranged });
      const again = applyChange(job, { ...change, priority }, this.#context);
      if (change.priority !== undefined) this.#engine.reprioritize(job);
      if (again) await this.#engine.restart(job);
      if (change.notifyCommand !== undefined || change.webhook !== undefined) this.#notifier.wake(job.id);
    });
  }

  resume(caller: Caller, id: JobId): Promise<JobView> {
    return this.#desk.change(caller, id, 'resume', async (job, next) => {
      const { record } = job;
      if (record.files.length === 0) {
        throw new NearbitsError('BG_E_EMPTY', 'the job has no files', { hint: 'Add a file first.' });
      }
      const done = job.state === 'TRANSFERRED' && job.allTransferred;
      if (next === job.state || done) return;
      for (const file of record.files) if (file.validation === 'invalid') file.validation = 'unknown';
      Object.assign(record, { resumed: true, idle: false, downloadMs: 0, noProgressAge: null, error: null });
      await this.#engine.enqueue(job);
    });
  }

  suspend(caller: Caller, id: JobId): Promise<JobView> {
    return this.#desk.change(caller, id, 'suspend', async (job, next) => {
      await this.#engine.halt(job);
      job.record.idle = false;
      this.#engine.move(job, next);
    });
  }

  complete(caller: Caller, id: JobId): Promise<CallResult> {
    return this.#end(caller, id, 'complete', (job) => this.#closing.complete(job, 'caller'));
  }

  cancel(caller: Caller, id: JobId): Promise<CallResult> {
    return this.#end(caller, id, 'cancel', (job) => this.#closing.cancel(job, false, 'caller'));
  }

  async reset(caller: Caller, allUsers: boolean): Promise<CallResult[]> {
    if (allUsers && !caller.administrator) throw notAllowed('only administrators may cancel the jobs of all users');
    const mine = [...this.#jobs.open.values()].filter((job) => allUsers || job.record.owner === caller.name);
    const results: CallResult[] = [];
    for (const job of mine) if (!isFinal(job.state)) results.push(await this.cancel(caller, job.id));
    return results;
  }

  takeOwnership(caller: Caller, id: JobId): Promise<JobView> {
    return this.#desk.change(caller, id, 'takeOwnership', async (job) => {
      if (!caller.administrator) throw notAllowed('only administrators may take the ownership of a job');
      await checkAccess(caller, job);
      // BITS: what the old owner entrusted to the job does not pass to the new one.
      job.record.secrets = null;
      Object.assign(job.record.properties, { notifyCommand: null, webhook: null, customHeadersWriteOnly: false });
      this.#jobs.changeOwner(job, caller.name);
      job.record.folders = caller.folders === null ? null : [...caller.folders];
      await this.#engine.restart(job);
    });
  }

  async error(caller: Caller, id: JobId): Promise<JobErrorView> {
    const job = this.#desk.find(caller, id);
    afterCall(job.state, 'getError');
    return job.record.error as JobErrorView; // both states are entered with an error only
  }

  async trace(caller: Caller, id: JobId): Promise<TraceEntry[]> {
    const job = this.#desk.find(caller, id);
    return job.trace?.entries() ?? this.#context.store.trace(id);
  }

  setCredentials(caller: Caller, id: JobId, credentials: JobCredentials): Promise<JobView> {
    return this.#secrets.setCredentials(caller, id, credentials);
  }

  removeCredentials(caller: Caller, id: JobId, target: string, scheme: string): Promise<CallResult> {
    return this.#secrets.removeCredentials(caller, id, target, scheme);
  }

  setClientCertificate(caller: Caller, id: JobId, certificate: JobClientCertificate): Promise<JobView> {
    return this.#secrets.setClientCertificate(caller, id, certificate);
  }

  removeClientCertificate(caller: Caller, id: JobId): Promise<CallResult> {
    return this.#secrets.removeClientCertificate(caller, id);
  }

  setRemoteName(caller: Caller, id: JobId, index: number, url: string): Promise<JobView> {
    return this.#desk.change(caller, id, 'setRemoteName', async (job) => {
      const file = fileOf(job, index);
      const checked = checkRemoteName(url);
      // BITS: files that are there are left alone.
      if (!file.transferred) file.remoteUrl = checked;
    });
  }

  async replaceRemotePrefix(caller: Caller, id: JobId, from: string, to: string): Promise<CallResult> {
    let matched = false;
    const job = await this.#desk.change(caller, id, 'setRemoteName', async (job) => {
      const open = job.record.files.filter((file) => !file.transferred);
      const changes = open.map((file) => ({ file, url: replacePrefix(file.remoteUrl, from, to) }));
      for (const { file, url } of changes) if (url !== null) file.remoteUrl = url;
      matched = changes.some(({ url }) => url !== null);
    });
    return { code: matched ? 'S_OK' : 'S_FALSE', job };
  }

  setValidationState(caller: Caller, id: JobId, index: number, valid: boolean): Promise<JobView> {
    return this.#desk.change(caller, id, 'setValidationState', (job) =>
      setValidation(job, index, valid, this.#fileCalls),
    );
  }

  requestRanges(caller: Caller, id: JobId, index: number, ranges: readonly JobRange[]): Promise<JobView> {
    return this.#desk.change(caller, id, 'requestRanges', (job) => requestRanges(job, index, ranges, this.#fileCalls));
  }

  async filledRanges(caller: Caller, id: JobId, index: number): Promise<FilledRange[]> {
    return filled(this.#desk.find(caller, id), index);
  }

  async updateDownloadPosition(caller: Caller, id: JobId, index: number, offset: number): Promise<void> {
    const job = this.#desk.find(caller, id);
    afterCall(job.state, 'requestRanges');
    updatePosition(job, index, offset);
  }

  async settled(caller: Caller, id: JobId, until: (job: JobView) => boolean, signal: AbortSignal): Promise<JobView> {
    for (;;) {
      const changed = this.#waiters.next(id, signal);
      const view = this.#desk.view(this.#desk.find(caller, id), caller);
      if (until(view)) return view;
      await changed;
    }
  }

  notifications(caller: Caller, jobId: JobId | null, signal: AbortSignal): AsyncIterable<JobNotification> {
    return this.#notifier.stream(caller, jobId, signal);
  }

  async acknowledge(caller: Caller, notificationId: string): Promise<void> {
    await this.#notifier.acknowledge(caller, notificationId);
  }

  /** What cannot be stored was never made. */
  async #enter(job: Job, described: ReadonlyMap<number, DescribedContent>): Promise<void> {
    this.#jobs.add(job);
    try {
      await this.#context.store.saveMetalinks(job, described);
      await this.#context.store.save(job);
    } catch (error) {
      this.#jobs.drop(job);
      throw error;
    }
  }

  async #end(
    caller: Caller,
    id: JobId,
    call: 'complete' | 'cancel',
    work: (job: Job) => Promise<CallResult['code']>,
  ): Promise<CallResult> {
    const job = this.#desk.find(caller, id);
    return job.exclusively(async () => {
      afterCall(job.state, call);
      const code = await work(job);
      return { code, job: this.#desk.view(job, caller) };
    });
  }
}

/** What the documents of new files say, by the index that each file will have. */
function describedFrom(first: number, files: readonly NewFile[]): Map<number, DescribedContent> {
  const described = new Map<number, DescribedContent>();
  for (const [place, file] of files.entries())
    if (file.described !== null) described.set(first + place, file.described);
  return described;
}

function hasRanges(files: readonly JobFileRequest[]): boolean {
  return files.some((file) => file.ranges !== undefined);
}

/** A change without what the record keeps in another form. */
function plainOf({ webhook: _, ...plain }: JobPropertiesChange): Omit<JobPropertiesChange, 'webhook'> {
  return plain;
}

/** BITS: the new owner must have access to the files. */
async function checkAccess(caller: Caller, job: Job): Promise<void> {
  for (const { localName } of job.record.files) {
    try {
      await checkFolder(caller, localName);
    } catch (cause) {
      throw new NearbitsError('BG_E_NEW_OWNER_NO_FILE_ACCESS', `the new owner may not write ${localName}`, { cause });
    }
  }
}

function notAllowed(message: string): NearbitsError {
  return new NearbitsError('E_ACCESSDENIED', message);
}
