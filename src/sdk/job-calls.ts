import type { JobPage } from '../api/job-views.ts';
import type { JobPropertiesInput } from '../job/model/properties.ts';
import type { TraceEntry } from '../job/model/transfer-view.ts';
import type {
  CallResult,
  FilledRange,
  JobClientCertificate,
  JobCredentials,
  JobErrorView,
  JobFileRequestInput,
  JobFileView,
  JobNotification,
  JobRange,
  JobRequestInput,
  JobView,
} from '../job/model/view.ts';
import type { NodeEvent } from '../observe/events.ts';

/** Which jobs are listed. */
export interface JobFilter {
  /** Jobs of all users; only administrators may. */
  readonly allUsers?: boolean | undefined;
  /** Also jobs that are acknowledged or cancelled. */
  readonly ended?: boolean | undefined;
  /** Only jobs of exactly this display name. */
  readonly name?: string | undefined;
}

/** Properties to change; what is not named stays as it is. */
export type JobChange = Partial<JobPropertiesInput>;

type Signal = AbortSignal | undefined;

/**
 * Everything the job service can be asked, call by call: over the local API (job-client.ts) or in the same process
 * (job-in-process.ts). Programs use it through the classes in job.ts and jobs.ts. All methods throw NearbitsError, with
 * E_CANCELLED when the signal aborts.
 */
export interface JobCalls {
  create(request: JobRequestInput, signal?: Signal): Promise<JobView>;
  /** A page of jobs after the given id. */
  page(filter: JobFilter, after: string | null, signal?: Signal): Promise<JobPage>;
  get(id: string, signal?: Signal): Promise<JobView>;
  /** The job once it goes no further by itself: see job/settled.ts. */
  settled(id: string, signal?: Signal): Promise<JobView>;
  set(id: string, change: JobChange, signal?: Signal): Promise<JobView>;
  resume(id: string, signal?: Signal): Promise<JobView>;
  suspend(id: string, signal?: Signal): Promise<JobView>;
  takeOwnership(id: string, signal?: Signal): Promise<JobView>;
  complete(id: string, signal?: Signal): Promise<CallResult>;
  cancel(id: string, signal?: Signal): Promise<CallResult>;
  reset(allUsers: boolean, signal?: Signal): Promise<CallResult[]>;
  error(id: string, signal?: Signal): Promise<JobErrorView>;
  trace(id: string, signal?: Signal): Promise<TraceEntry[]>;
  files(id: string, signal?: Signal): Promise<JobFileView[]>;
  /** One file. @throws E_INVALIDARG when the job has none of this index */
  file(id: string, index: number, signal?: Signal): Promise<JobFileView>;
  addFiles(id: string, files: readonly JobFileRequestInput[], signal?: Signal): Promise<JobView>;
  setRemoteName(id: string, file: number, url: string, signal?: Signal): Promise<JobView>;
  replaceRemotePrefix(id: string, from: string, to: string, signal?: Signal): Promise<CallResult>;
  setValidationState(id: string, file: number, valid: boolean, signal?: Signal): Promise<JobView>;
  requestRanges(id: string, file: number, ranges: readonly JobRange[], signal?: Signal): Promise<JobView>;
  filledRanges(id: string, file: number, signal?: Signal): Promise<FilledRange[]>;
  updateDownloadPosition(id: string, file: number, offset: number, signal?: Signal): Promise<void>;
  setCredentials(id: string, credentials: JobCredentials, signal?: Signal): Promise<JobView>;
  removeCredentials(id: string, target: string, scheme: string, signal?: Signal): Promise<CallResult>;
  setClientCertificate(id: string, certificate: JobClientCertificate, signal?: Signal): Promise<JobView>;
  removeClientCertificate(id: string, signal?: Signal): Promise<CallResult>;
  /** The events of one job; it resolves once they are told, so what happens next is seen. Ends when the node stops. */
  events(id: string, signal: AbortSignal): Promise<AsyncIterable<NodeEvent>>;
  /** Notifications of the own jobs, or of one; a lost connection is opened again. */
  notifications(job: string | null, signal: AbortSignal): Promise<AsyncIterable<JobNotification>>;
  acknowledge(notification: string, signal?: Signal): Promise<void>;
}
