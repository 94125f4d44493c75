import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import { type JobId, newJobId } from '../core/ids.ts';
import { checkDestination } from '../fetch/destination.ts';
import { checkAuth, checkCredentials } from './check-credentials.ts';
import { checkFolder, checkLocalName, checkRanges, checkRemoteName, replacePrefix } from './check-file.ts';
import { checkProperties } from './check-properties.ts';
import { checkTiming, settle } from './check-timing.ts';
import type { JobContext } from './context.ts';
import { cancelJob, completeJob } from './end-job.ts';
import type { Engine } from './engine.ts';
import { type FileCallDeps, fileOf, filled, requestRanges, setValidation, updatePosition } from './file-calls.ts';
import { settleHandOver } from './hand-over.ts';
import { fileView, Job, jobView } from './job.ts';
import type { JobBackend, JobQuery } from './job-backend.ts';
import { type FileRecord, type JobRecord, newFile } from './job-record.ts';
import type { JobTable } from './job-table.ts';
import type { Notifier } from './notifier.ts';
import type { JobPropertiesChange } from './properties.ts';
import { sealSecrets, unsealSecrets } from './secrets.ts';
import {
  applyChange,
  changeSecrets,
  checkCertificate,
  checkIsOwner,
  describeCertificate,
  splitSecrets,
} from './set-properties.ts';
import { afterCall, isAction, isFinal, type JobCall } from './state.ts';
import type { TraceEntry } from './transfer-view.ts';
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
} from './view.ts';
import type { Waiters } from './waiters.ts';

/** What the service is made of. */
export interface JobServiceParts {
  readonly context: JobContext;
  readonly jobs: JobTable;
  readonly engine: Engine;
  readonly notifier: Notifier;
  readonly waiters: Waiters;
}

/** The calls of the job service: who may make them, what they check, and what they change. */
export class JobService implements JobBackend {
  readonly #context: JobContext;
  readonly #jobs: JobTable;
  readonly #engine: Engine;
  readonly #notifier: Notifier;
  readonly #waiters: Waiters;
  readonly #fileCalls: FileCallDeps;
  readonly #sharing = new Set<Promise<void>>();

  constructor({ context, jobs, engine, notifier, waiters }: JobServiceParts) {
    this.#context = context;
    this.#jobs = jobs;
    this.#engine = engine;
    this.#notifier = notifier;
    this.#waiters = waiters;
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
    const added = await this.#checkFiles(caller, files, 0);
    this.#checkJobCount(caller);
    const job = new Job(this.#newRecord(caller, settled, added));
    await this.#enter(job);
    const { id } = job;
    this.#context.emit({ type: 'job.created', jobId: id, owner: caller.name, displayName: properties.displayName });
    return resume ? this.resume(caller, id) : this.#view(job, caller);
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
    return { jobs: page.map((job) => this.#view(job, caller)), next };
  }

  async get(caller: Caller, id: JobId): Promise<JobView> {
    return this.#view(this.#find(caller, id), caller);
  }

  async files(caller: Caller, id: JobId): Promise<JobFileView[]> {
    const job = this.#find(caller, id);
    return job.record.files.map((_, index) => fileView(job, index));
  }

  addFiles(caller: Caller, id: JobId, files: readonly JobFileRequest[]): Promise<JobView> {
    return this.#call(caller, id, 'addFiles', async (job) => {
      if (files.length === 0) throw new NearbitsError('E_INVALIDARG', 'no file is given');
      const added = await this.#checkFiles(caller, files, job.record.files.length);
      settle(job.record.properties, { ranged: hasRanges(files) });
      job.record.files.push(...added);
      this.#jobs.claim(job);
    });
  }

  set(caller: Caller, id: JobId, change: JobPropertiesChange): Promise<JobView> {
    return this.#call(caller, id, 'set', async (job) => {
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
    return this.#call(caller, id, 'resume', async (job, next) => {
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
    return this.#call(caller, id, 'suspend', async (job, next) => {
      await this.#engine.halt(job);
      job.record.idle = false;
      this.#engine.move(job, next);
    });
  }

  complete(caller: Caller, id: JobId): Promise<CallResult> {
    return this.#end(caller, id, 'complete', (job) => this.completeHeld(job));
  }

  cancel(caller: Caller, id: JobId): Promise<CallResult> {
    return this.#end(caller, id, 'cancel', (job) => this.cancelHeld(job, false));
  }

  async reset(caller: Caller, allUsers: boolean): Promise<CallResult[]> {
    if (allUsers && !caller.administrator) throw notAllowed('only administrators may cancel the jobs of all users');
    const mine = [...this.#jobs.open.values()].filter((job) => allUsers || job.record.owner === caller.name);
    const results: CallResult[] = [];
    for (const job of mine) if (!isFinal(job.state)) results.push(await this.cancel(caller, job.id));
    return results;
  }

  takeOwnership(caller: Caller, id: JobId): Promise<JobView> {
    return this.#call(caller, id, 'takeOwnership', async (job) => {
      if (!caller.administrator) throw notAllowed('only administrators may take the ownership of a job');
      // BITS: what the old owner entrusted to the job does not pass to the new one.
      job.record.secrets = null;
      Object.assign(job.record.properties, { notifyCommand: null, webhook: null, customHeadersWriteOnly: false });
      this.#jobs.changeOwner(job, caller.name);
      job.record.folders = caller.folders === null ? null : [...caller.folders];
      await this.#engine.restart(job);
    });
  }

  async error(caller: Caller, id: JobId): Promise<JobErrorView> {
    const job = this.#find(caller, id);
    afterCall(job.state, 'getError');
    return job.record.error as JobErrorView; // both states are entered with an error only
  }

  async trace(caller: Caller, id: JobId): Promise<TraceEntry[]> {
    const job = this.#find(caller, id);
    return job.trace?.entries() ?? this.#context.store.trace(id);
  }

  setCredentials(caller: Caller, id: JobId, credentials: JobCredentials): Promise<JobView> {
    return this.#call(caller, id, 'set', async (job) => {
      const checked = checkCredentials(credentials);
      const others = (all: readonly JobCredentials[]) =>
        all.filter((one) => one.target !== checked.target || one.scheme !== checked.scheme);
      changeSecrets(job, this.#context, (all) => ({ ...all, credentials: [...others(all.credentials), checked] }));
      await this.#engine.restart(job);
    });
  }

  async removeCredentials(caller: Caller, id: JobId, target: string, scheme: string): Promise<CallResult> {
    let removed = false;
    const job = await this.#call(caller, id, 'set', async (job) => {
      const wanted = checkAuth(target, scheme);
      const isOther = (one: JobCredentials) => one.target !== wanted.target || one.scheme !== wanted.scheme;
      changeSecrets(job, this.#context, (all) => {
        const credentials = all.credentials.filter(isOther);
        removed = credentials.length < all.credentials.length;
        return { ...all, credentials };
      });
      if (removed) await this.#engine.restart(job);
    });
    return { code: removed ? 'S_OK' : 'S_FALSE', job };
  }

  setClientCertificate(caller: Caller, id: JobId, certificate: JobClientCertificate): Promise<JobView> {
    return this.#call(caller, id, 'set', async (job) => {
      checkIsOwner(job, caller, 'client certificate');
      checkCertificate(certificate);
      changeSecrets(job, this.#context, (all) => ({ ...all, clientCertificate: certificate }));
      await this.#engine.restart(job);
    });
  }

  async removeClientCertificate(caller: Caller, id: JobId): Promise<CallResult> {
    let removed = false;
    const job = await this.#call(caller, id, 'set', async (job) => {
      changeSecrets(job, this.#context, (all) => {
        removed = all.clientCertificate !== null;
        return { ...all, clientCertificate: null };
      });
      if (removed) await this.#engine.restart(job);
    });
    return { code: removed ? 'S_OK' : 'S_FALSE', job };
  }

  setRemoteName(caller: Caller, id: JobId, index: number, url: string): Promise<JobView> {
    return this.#call(caller, id, 'setRemoteName', async (job) => {
      const file = fileOf(job, index);
      const checked = checkRemoteName(url);
      // BITS: files that are there are left alone.
      if (!file.transferred) file.remoteUrl = checked;
    });
  }

  async replaceRemotePrefix(caller: Caller, id: JobId, from: string, to: string): Promise<CallResult> {
    let matched = false;
    const job = await this.#call(caller, id, 'setRemoteName', async (job) => {
      const open = job.record.files.filter((file) => !file.transferred);
      const changes = open.map((file) => ({ file, url: replacePrefix(file.remoteUrl, from, to) }));
      for (const { file, url } of changes) if (url !== null) file.remoteUrl = url;
      matched = changes.some(({ url }) => url !== null);
    });
    return { code: matched ? 'S_OK' : 'S_FALSE', job };
  }

  setValidationState(caller: Caller, id: JobId, index: number, valid: boolean): Promise<JobView> {
    return this.#call(caller, id, 'setValidationState', (job) => setValidation(job, index, valid, this.#fileCalls));
  }

  requestRanges(caller: Caller, id: JobId, index: number, ranges: readonly JobRange[]): Promise<JobView> {
    return this.#call(caller, id, 'requestRanges', (job) => requestRanges(job, index, ranges, this.#fileCalls));
  }

  async filledRanges(caller: Caller, id: JobId, index: number): Promise<FilledRange[]> {
    return filled(this.#find(caller, id), index);
  }

  async updateDownloadPosition(caller: Caller, id: JobId, index: number, offset: number): Promise<void> {
    const job = this.#find(caller, id);
    afterCall(job.state, 'requestRanges');
    updatePosition(job, index, offset);
  }

  async settled(caller: Caller, id: JobId, until: (job: JobView) => boolean, signal: AbortSignal): Promise<JobView> {
    for (;;) {
      const changed = this.#waiters.next(id, signal);
      const view = this.#view(this.#find(caller, id), caller);
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

  /** Completes a job whose lock the caller holds. */
  async completeHeld(job: Job): Promise<CallResult['code']> {
    const before = job.state;
    await this.#engine.halt(job);
    try {
      const { code, sharing } = await completeJob(job, this.#context, this.#jobs);
      this.#watchSharing(job, sharing);
      await this.#notifier.forget(job.id);
      return code;
    } catch (error) {
      // BITS: the job stays as it was and can be completed again; one that ran goes on.
      if (isAction(before)) await this.#engine.enqueue(job);
      await this.#context.store.save(job);
      throw error;
    }
  }

  /** Cancels a job whose lock the caller holds. */
  async cancelHeld(job: Job, keepParts: boolean): Promise<CallResult['code']> {
    await this.#engine.halt(job);
    const code = await cancelJob(job, keepParts, this.#context, this.#jobs);
    await this.#notifier.forget(job.id);
    return code;
  }

  /** Takes up a job from the store: settles what a crash left open and puts it where it was. */
  async restore(record: JobRecord): Promise<Job> {
    for (const file of record.files) await settleHandOver(file);
    if (record.state === 'CONNECTING' || record.state === 'TRANSFERRING') record.state = 'QUEUED';
    const job = new Job(record);
    this.#jobs.add(job);
    return job;
  }

  /** Cancels jobs that nobody touched for too long (BITS: JobInactivityTimeout). */
  async cancelInactive(): Promise<void> {
    const before = this.#context.age.now() - this.#context.policy().inactivityTimeoutMs;
    for (const job of [...this.#jobs.open.values()]) {
      if (job.record.activeAge >= before) continue;
      this.#context.log.warn({ job: job.id }, 'a job was inactive for too long and is cancelled');
      await job.exclusively(async () => {
        if (!isFinal(job.state)) await this.cancelHeld(job, false);
      });
    }
  }

  /** Waits until no file is on its way into the cache any more. */
  async settleSharing(): Promise<void> {
    await Promise.all(this.#sharing);
  }

  #watchSharing(job: Job, sharing: Promise<void>): void {
    const watched = sharing
      .catch((error) => this.#context.log.error({ err: error, job: job.id }, 'sharing after a job failed'))
      .finally(() => this.#sharing.delete(watched));
    this.#sharing.add(watched);
  }

  #newRecord(
    caller: Caller,
    properties: Omit<JobRequest, 'type' | 'files' | 'resume'>,
    files: FileRecord[],
  ): JobRecord {
    const { shown, secrets } = splitSecrets(properties);
    const id = newJobId();
    const now = this.#context.clock.wallMs();
    return {
      format: 1,
      id,
      type: 'DOWNLOAD',
      state: 'SUSPENDED',
      owner: caller.name,
      folders: caller.folders === null ? null : [...caller.folders],
      properties: shown,
      secrets: sealSecrets(this.#context.vault, id, secrets),
      resumed: false,
      idle: false,
      createdMs: now,
      modifiedMs: now,
      startedMs: null,
      transferredMs: null,
      endedMs: null,
      activeAge: this.#context.age.now(),
      noProgressAge: null,
      downloadMs: 0,
      errorCount: 0,
      error: null,
      retryAtMs: null,
      files,
    };
  }

  /** What cannot be stored was never made. */
  async #enter(job: Job): Promise<void> {
    this.#jobs.add(job);
    try {
      await this.#context.store.save(job);
    } catch (error) {
      this.#jobs.drop(job);
      throw error;
    }
  }

  async #checkFiles(caller: Caller, files: readonly JobFileRequest[], there: number): Promise<FileRecord[]> {
    const { maxFilesPerJob, maxRangesPerFile } = this.#context.policy();
    if (!caller.administrator && there + files.length > maxFilesPerJob) {
      throw tooMany('BG_E_TOO_MANY_FILES_IN_JOB', 'files in a job', maxFilesPerJob);
    }
    const most = caller.administrator ? Number.POSITIVE_INFINITY : maxRangesPerFile;
    const seen = new Set<string>();
    const checked: FileRecord[] = [];
    for (const request of files) {
      const remoteUrl = checkRemoteName(request.remoteUrl);
      const localName = await checkPlace(caller, request);
      if (request.ranges !== undefined) checkRanges(request.ranges, most);
      this.#checkDestinationIsFree(localName, seen);
      const { ranges, sha256, overwrite } = request;
      checked.push(newFile({ remoteUrl, localName, ranges: ranges ?? null, sha256: sha256 ?? null, overwrite }));
    }
    // Looked at again after the last wait, so that no other call took a name meanwhile.
    for (const { localName } of checked) this.#checkDestinationIsFree(localName, null);
    return checked;
  }

  #checkDestinationIsFree(localName: string, seen: Set<string> | null): void {
    const other = this.#jobs.writing(localName);
    if (other === null && !seen?.has(localName)) {
      seen?.add(localName);
      return;
    }
    const who = other === null ? 'another file of this job' : `job ${other.id}`;
    throw new NearbitsError('E_DESTINATION', `${localName} is being written by ${who}`, {
      details: { localName },
      hint: 'Choose another name, or cancel or complete that job first.',
    });
  }

  #checkJobCount(caller: Caller): void {
    if (caller.administrator) return;
    const { maxPerMachine, maxPerUser } = this.#context.policy();
    if (this.#jobs.countOf(caller.name) >= maxPerUser) {
      throw tooMany('BG_E_TOO_MANY_JOBS_PER_USER', 'jobs of one user', maxPerUser);
    }
    if (this.#jobs.open.size >= maxPerMachine) {
      throw tooMany('BG_E_TOO_MANY_JOBS_PER_MACHINE', 'jobs on this machine', maxPerMachine);
    }
  }

  /** One call that changes a job: checked against the state machine, one at a time, stored before it returns. */
  async #call(
    caller: Caller,
    id: JobId,
    call: JobCall,
    work: (job: Job, next: ReturnType<typeof afterCall>) => Promise<void>,
  ): Promise<JobView> {
    const job = this.#find(caller, id);
    return job.exclusively(async () => {
      await work(job, afterCall(job.state, call));
      job.record.modifiedMs = this.#context.clock.wallMs();
      job.record.activeAge = this.#context.age.now();
      await this.#context.store.save(job);
      this.#context.emit({ type: 'job.modified', jobId: id });
      this.#context.changed(job);
      await this.#context.notify(job, 'modification');
      return this.#view(job, caller);
    });
  }

  async #end(
    caller: Caller,
    id: JobId,
    call: 'complete' | 'cancel',
    work: (job: Job) => Promise<CallResult['code']>,
  ): Promise<CallResult> {
    const job = this.#find(caller, id);
    return job.exclusively(async () => {
      afterCall(job.state, call);
      const code = await work(job);
      return { code, job: this.#view(job, caller) };
    });
  }

  #find(caller: Caller, id: JobId): Job {
    const job = this.#jobs.find(id);
    if (job !== null && (caller.administrator || job.record.owner === caller.name)) return job;
    throw new NearbitsError('BG_E_NOT_FOUND', `there is no job ${id}`, { hint: 'Look at `nearbits job ls`.' });
  }

  #view(job: Job, caller: Caller): JobView {
    const secrets = unsealSecrets(this.#context.vault, job.id, job.record.secrets);
    const certificate = describeCertificate(secrets.clientCertificate);
    return jobView(job, secrets, certificate, job.record.owner === caller.name);
  }
}

function hasRanges(files: readonly JobFileRequest[]): boolean {
  return files.some((file) => file.ranges !== undefined);
}

/** A change without what the record keeps in another form. */
function plainOf({ webhook: _, ...plain }: JobPropertiesChange): Omit<JobPropertiesChange, 'webhook'> {
  return plain;
}

/** Checks where a file shall go. Users with a fence get the resolved path, so that no link leads out of it later. */
async function checkPlace(caller: Caller, { localName, overwrite }: JobFileRequest): Promise<string> {
  checkLocalName(localName);
  const resolved = await checkFolder(caller, localName);
  const path = caller.folders === null ? localName : resolved;
  await checkDestination(path, overwrite);
  return path;
}

function tooMany(code: ConstructorParameters<typeof NearbitsError>[0], what: string, limit: number): NearbitsError {
  return new NearbitsError(code, `too many ${what}: at most ${limit} are allowed`, {
    details: { limit },
    hint: 'Complete or cancel jobs first, or ask the administrator to raise the limit (section jobs of the policy).',
  });
}

function notAllowed(message: string): NearbitsError {
  return new NearbitsError('E_ACCESSDENIED', message);
}
