import type { SwarmView } from '../api/swarm-views.ts';
import type {
  CacheRecordView,
  DiscoverResult,
  NodeStatus,
  PeerView,
  ReloadResult,
  RemoveResult,
  VerifyReport,
} from '../api/views.ts';
import type { ConfigReport } from '../config/effective.ts';
import type { TraceEntry, TransferRequestInput, TransferView } from '../job/model/transfer-view.ts';
import type { Jobs } from './jobs.ts';

/** Stops a request; every method takes one. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The cache of a node. All methods throw NearbitsError. */
export interface CacheAccess {
  /** Records in the order of their ids, page by page as they are asked for; only those of `url` when it is given. */
  list(options?: CallOptions & { readonly url?: string | undefined }): AsyncIterable<CacheRecordView>;
  /** One record. */
  get(id: string, options?: CallOptions): Promise<CacheRecordView>;
  /** Removes one record; E_BUSY while it is in use. */
  remove(id: string, options?: CallOptions): Promise<void>;
  /** Removes all records of one URL that are not in use. */
  removeUrl(url: string, options?: CallOptions): Promise<RemoveResult>;
  /** Removes all records that are not in use. */
  clear(options?: CallOptions): Promise<RemoveResult>;
  /** Compares every record with its hashes; damaged ones are removed. */
  verify(options?: CallOptions): Promise<VerifyReport>;
}

/** The transfers of a node. All methods throw NearbitsError. */
export interface TransferAccess {
  /** Begins to fetch a URL into a file; resolves when the transfer is accepted. */
  start(request: TransferRequestInput, options?: CallOptions): Promise<TransferView>;
  /** Transfers the node remembers, newest first. */
  list(options?: CallOptions): Promise<TransferView[]>;
  /** One transfer. */
  get(id: string, options?: CallOptions): Promise<TransferView>;
  /** One transfer, once it ended and it is decided whether it is shared. */
  settled(id: string, options?: CallOptions): Promise<TransferView>;
  /** Every decision of a transfer with its reason, oldest first. */
  trace(id: string, options?: CallOptions): Promise<TraceEntry[]>;
  /** Stops a transfer; one that ended stays as it is. */
  cancel(id: string, options?: CallOptions): Promise<TransferView>;
  /** The transfer as it stands now, after each step, and at last as it ended. Ending the loop does not end the transfer. */
  watch(id: string, options?: CallOptions): AsyncIterable<TransferView>;
}

/**
 * What one can do with a node, the same whether it runs in another process (sdk/client.ts) or in this one
 * (sdk/in-process.ts).
 */
export interface NodeAccess {
  /** The node at a glance. */
  status(options?: CallOptions): Promise<NodeStatus>;
  /** The neighbours the node knows. */
  peers(options?: CallOptions): Promise<PeerView[]>;
  /** What the node fetches and gives together with its neighbours now. */
  swarms(options?: CallOptions): Promise<SwarmView[]>;
  /** Looks for neighbours now, unless a probe went out within the last 10 minutes. */
  discoverPeers(options?: CallOptions): Promise<DiscoverResult>;
  /** Forgets all neighbours and allows a probe at once. */
  clearPeers(options?: CallOptions): Promise<void>;
  /** Every key with its effective value and who set it. */
  config(options?: CallOptions): Promise<ConfigReport>;
  /** Lets the node read configuration, policy and membership again. */
  reload(options?: CallOptions): Promise<ReloadResult>;
  readonly cache: CacheAccess;
  readonly jobs: Jobs;
  readonly transfers: TransferAccess;
}
