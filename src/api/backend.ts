import type { ConfigReport } from '../config/effective.ts';
import type { Caller } from '../core/caller.ts';
import type { RecordId, TransferId } from '../core/ids.ts';
import type { JobBackend } from '../job/model/job-backend.ts';
import type { TraceEntry, TransferRequest, TransferView } from '../job/model/transfer-view.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { SwarmView } from './swarm-views.ts';
import type {
  CachePage,
  CacheRecordView,
  DiscoverResult,
  NodeStatus,
  PeerView,
  ReloadResult,
  RemoveResult,
  VerifyReport,
} from './views.ts';

/** Which part of the cache is listed. */
export interface CacheQuery {
  /** Only records of this URL, or null for all. */
  readonly url: string | null;
  /** Only records whose id sorts after this one, or null to start. */
  readonly after: RecordId | null;
  /** At most this many records, 1 to 10,000. */
  readonly limit: number;
}

/** The cache as the API administers it (BITS: IBitsPeerCacheAdministration). */
export interface CacheBackend {
  list(query: CacheQuery): Promise<CachePage>;
  /** @throws NearbitsError E_NOT_FOUND */
  get(id: RecordId): Promise<CacheRecordView>;
  /** @throws NearbitsError E_NOT_FOUND, or E_BUSY while the record is read or served. */
  remove(id: RecordId): Promise<void>;
  /** Removes all records of one URL. */
  removeUrl(url: string): Promise<RemoveResult>;
  /** Removes all records. */
  clear(): Promise<RemoveResult>;
  /** Reads every record and compares it with its hashes. */
  verify(signal: AbortSignal): Promise<VerifyReport>;
}

/**
 * Transfers as the API starts and watches them. Callers see and stop only their own unless they are administrators; those
 * of others are as good as absent (E_NOT_FOUND).
 */
export interface TransferBackend {
  /** @throws NearbitsError E_INVALID_URL, E_INVALID_RANGE, E_DESTINATION, and E_ACCESSDENIED for a destination outside of the caller's folders. */
  start(caller: Caller, request: TransferRequest): Promise<TransferView>;
  /** All transfers of the caller, for administrators of everybody, that the node remembers, newest first. */
  list(caller: Caller): Promise<readonly TransferView[]>;
  /** @throws NearbitsError E_NOT_FOUND */
  get(caller: Caller, id: TransferId): Promise<TransferView>;
  /** Resolves when the transfer ended and it is decided whether it is shared. @throws NearbitsError E_NOT_FOUND */
  settled(caller: Caller, id: TransferId): Promise<TransferView>;
  /** Every decision so far, oldest first. @throws NearbitsError E_NOT_FOUND */
  trace(caller: Caller, id: TransferId): Promise<readonly TraceEntry[]>;
  /** Stops a transfer; one that ended stays as it is. @throws NearbitsError E_NOT_FOUND */
  cancel(caller: Caller, id: TransferId): Promise<TransferView>;
}

/**
 * All that the local API needs of a node. The node implements it; tests have a small one in memory.
 * Methods reject with NearbitsError, which the API turns into problem answers.
 */
export interface NodeBackend {
  status(): Promise<NodeStatus>;
  /** The roster, at most 100 entries. */
  peers(): Promise<readonly PeerView[]>;
  /** Contents that are fetched or given together with neighbours now, at most 32. */
  swarms(): Promise<readonly SwarmView[]>;
  /** Looks for peers now, unless a probe was sent within the last 10 minutes. @throws NearbitsError E_DOMAIN without membership. */
  discoverPeers(): Promise<DiscoverResult>;
  /** Empties the roster and lifts the suppression of probes. */
  clearPeers(): Promise<void>;
  readonly cache: CacheBackend;
  readonly transfers: TransferBackend;
  readonly jobs: JobBackend;
  /** The name of the user to whom a job (or transfer) belongs, null when it is not known; decides who hears of its events. */
  ownerOf(id: string): string | null;
  /** Every key with its effective value and who set it. */
  config(): ConfigReport;
  /** Reads configuration, policy and domain membership again and applies them. @throws NearbitsError E_CONFIG; the old ones stay. */
  reload(): Promise<ReloadResult>;
  /** Asks the process to stop; returns at once, so that the answer still leaves. */
  requestStop(): void;
  /** Calls `listener` for each event from now on; the returned function ends it. */
  subscribe(listener: (event: NodeEvent) => void): () => void;
}
