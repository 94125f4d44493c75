import type { Caller } from '../../core/caller.ts';
import type { JobId } from '../../core/ids.ts';
import type { JobPropertiesChange } from './properties.ts';
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

/** Which jobs are listed. */
export interface JobQuery {
  /** Jobs of all users; only administrators may (E_ACCESSDENIED). */
  readonly allUsers: boolean;
  /** Also jobs that are acknowledged or cancelled; BITS does not list those. */
  readonly ended: boolean;
  /** Only jobs whose id sorts after this one, or null to start. */
  readonly after: JobId | null;
  /** At most this many jobs, 1 to 1,000. */
  readonly limit: number;
  /** Only jobs of exactly this display name, or null for all. */
  readonly name: string | null;
}

/**
 * The job service as callers use it. Every method takes the caller, who sees and changes only own jobs unless
 * administrator: for all others a job is as good as absent (BG_E_NOT_FOUND). A call that the state forbids is
 * refused with BG_E_INVALID_STATE. All throw NearbitsError.
 */
export interface JobBackend {
  /** Makes a job in SUSPENDED, or QUEUED with `resume`. @throws BG_E_TOO_MANY_JOBS_PER_MACHINE, _PER_USER, and what addFiles throws */
  create(caller: Caller, request: JobRequest): Promise<JobView>;
  /** Jobs in the order of their ids, a page at a time. @throws E_ACCESSDENIED */
  list(caller: Caller, query: JobQuery): Promise<{ readonly jobs: readonly JobView[]; readonly next: JobId | null }>;
  get(caller: Caller, id: JobId): Promise<JobView>;
  files(caller: Caller, id: JobId): Promise<readonly JobFileView[]>;
  /** Adds all files or none. @throws E_INVALIDARG, E_ACCESSDENIED, BG_E_TOO_MANY_FILES_IN_JOB, the range codes */
  addFiles(caller: Caller, id: JobId, files: readonly JobFileRequest[]): Promise<JobView>;
  set(caller: Caller, id: JobId, change: JobPropertiesChange): Promise<JobView>;
  /** @throws BG_E_EMPTY */
  resume(caller: Caller, id: JobId): Promise<JobView>;
  suspend(caller: Caller, id: JobId): Promise<JobView>;
  complete(caller: Caller, id: JobId): Promise<CallResult>;
  cancel(caller: Caller, id: JobId): Promise<CallResult>;
  /** Cancels all jobs of the caller, or of everybody; the results in no special order. */
  reset(caller: Caller, allUsers: boolean): Promise<readonly CallResult[]>;
  takeOwnership(caller: Caller, id: JobId): Promise<JobView>;
  /** @throws BG_E_ERROR_INFORMATION_UNAVAILABLE */
  error(caller: Caller, id: JobId): Promise<JobErrorView>;
  /** Every decision about the files of the job, oldest first. */
  trace(caller: Caller, id: JobId): Promise<readonly TraceEntry[]>;
  setCredentials(caller: Caller, id: JobId, credentials: JobCredentials): Promise<JobView>;
  /** S_FALSE when there were none. */
  removeCredentials(caller: Caller, id: JobId, target: string, scheme: string): Promise<CallResult>;
  setClientCertificate(caller: Caller, id: JobId, certificate: JobClientCertificate): Promise<JobView>;
  /** S_FALSE when there was none. */
  removeClientCertificate(caller: Caller, id: JobId): Promise<CallResult>;
  setRemoteName(caller: Caller, id: JobId, file: number, url: string): Promise<JobView>;
  /** S_FALSE when no file matched. */
  replaceRemotePrefix(caller: Caller, id: JobId, from: string, to: string): Promise<CallResult>;
  /** @throws E_PENDING before the file is transferred */
  setValidationState(caller: Caller, id: JobId, file: number, valid: boolean): Promise<JobView>;
  /** @throws BG_E_INVALID_RANGE, BG_E_RANDOM_ACCESS_NOT_SUPPORTED */
  requestRanges(caller: Caller, id: JobId, file: number, ranges: readonly JobRange[]): Promise<JobView>;
  /** Ranges of the remote file that are there and proven, merged and in order. */
  filledRanges(caller: Caller, id: JobId, file: number): Promise<readonly FilledRange[]>;
  /** Where a reader goes on reading: what lies behind it is fetched first. */
  updateDownloadPosition(caller: Caller, id: JobId, file: number, offset: number): Promise<void>;
  /** Resolves with the job as soon as `until` holds, or the signal aborts. */
  settled(caller: Caller, id: JobId, until: (job: JobView) => boolean, signal: AbortSignal): Promise<JobView>;
  /** Notifications of the caller's jobs (of one job when it is given) that are not acknowledged, old ones first, then new ones as they come. */
  notifications(caller: Caller, jobId: JobId | null, signal: AbortSignal): AsyncIterable<JobNotification>;
  /** Ends the redelivery of one notification; unknown ones are ignored. */
  acknowledge(caller: Caller, notificationId: string): Promise<void>;
}
