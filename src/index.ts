/**
 * nearbits as a library: a node inside one's own process, and a client for a
 * node that runs already.
 */
export type { NodeBackend } from './api/backend.ts';
export type { CacheRecordView, NodeStatus, PeerView } from './api/views.ts';
export type { ConfigInput } from './config/schema.ts';
export { type ErrorCode, type ErrorDetails, isTransient, NearbitsError } from './core/errors.ts';
export type {
  TraceEntry,
  TransferRequest,
  TransferRequestInput,
  TransferState,
  TransferView,
} from './job/transfer-view.ts';
export { createNode, type NearbitsNode, type NodeOptions } from './node.ts';
export type { NodeEvent } from './observe/events.ts';
export type { NodeAccess } from './sdk/access.ts';
export { NearbitsClient } from './sdk/client.ts';
export { inProcess } from './sdk/in-process.ts';
