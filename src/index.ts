/**
 * nearbits as a library: a node inside one's own process, and a client for a
 * node that runs already.
 */
export type { NodeBackend } from './api/backend.ts';
export type { SwarmView } from './api/swarm-views.ts';
export type { CacheRecordView, NodeStatus, PeerView } from './api/views.ts';
export type { ConfigInput } from './config/schema.ts';
export { type BitsCode, bitsFacts, isBitsCode } from './core/bits-codes.ts';
export type { Caller } from './core/caller.ts';
export { type ErrorCode, type ErrorDetails, isTransient, NearbitsError } from './core/errors.ts';
export {
  COST,
  type JobPriority,
  type JobProperties,
  type JobPropertiesInput,
  NOTIFY,
  PEER_CACHING,
  SECURITY,
} from './job/model/properties.ts';
export type { JobState } from './job/model/state.ts';
export type {
  TraceEntry,
  TransferRequest,
  TransferRequestInput,
  TransferState,
  TransferView,
} from './job/model/transfer-view.ts';
export type {
  CallResult,
  FilledRange,
  JobClientCertificate,
  JobCredentials,
  JobErrorView,
  JobFileRequest,
  JobFileRequestInput,
  JobFileView,
  JobNotification,
  JobRange,
  JobRequest,
  JobRequestInput,
  JobView,
  NotificationKind,
} from './job/model/view.ts';
export { createNode, type NearbitsNode, type NodeOptions } from './node.ts';
export type { NodeEvent } from './observe/events.ts';
export type { NodeAccess } from './sdk/access.ts';
export { NearbitsClient } from './sdk/client.ts';
export { inProcess } from './sdk/in-process.ts';
export type { Job } from './sdk/job.ts';
export type { JobChange, JobFilter } from './sdk/job-calls.ts';
export type { JobTransferInput, JobTransferOptions } from './sdk/job-transfer.ts';
export type { DeliveredNotification, Jobs } from './sdk/jobs.ts';
