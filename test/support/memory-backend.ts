import type { CacheBackend, CacheQuery, NodeBackend, TransferBackend } from '../../src/api/backend.ts';
import type { SwarmView } from '../../src/api/swarm-views.ts';
import type { CachePage, CacheRecordView, NodeStatus, PeerView, RemoveResult } from '../../src/api/views.ts';
import type { ConfigReport } from '../../src/config/effective.ts';
import { combineLayers } from '../../src/config/effective.ts';
import { emptyLayer } from '../../src/config/layer.ts';
import type { Caller } from '../../src/core/caller.ts';
import { systemClock } from '../../src/core/clock.ts';
import { NearbitsError } from '../../src/core/errors.ts';
import { type JobId, newJobId, newRecordId, type RecordId, type TransferId } from '../../src/core/ids.ts';
import { parseOriginUrl } from '../../src/core/url.ts';
import {
  isFinal,
  type TraceEntry,
  type TransferRequest,
  type TransferView,
} from '../../src/job/model/transfer-view.ts';
import { EventBus } from '../../src/observe/events.ts';
import { MemoryJobs } from './memory-jobs.ts';

/** A node without network or disk: transfers stand still until the test moves them. */
export class MemoryBackend implements NodeBackend {
  readonly events = new EventBus({ wallMs: systemClock.wallMs });
  readonly roster: PeerView[] = [];
  readonly contents: SwarmView[] = [];
  /** Why it takes part in no swarms. */
  swarmsOff: string | null = null;
  readonly cache = new MemoryCache();
  readonly transfers = new MemoryTransfers(this.events);
  readonly jobs = new MemoryJobs(this.events);
  stopRequests = 0;
  reloads = 0;
  discoveries = 0;
  /** Is thrown by the next reload. */
  reloadError: NearbitsError | null = null;

  async status(): Promise<NodeStatus> {
    const states = [...this.transfers.views.values()].map(({ state }) => state);
    return {
      nodeId: `12D3KooW${'a'.repeat(44)}`,
      version: '0.0.0',
      runtime: process.version,
      pid: process.pid,
      startedMs: 1_000,
      rssBytes: process.memoryUsage.rss(),
      dataDir: '/data',
      configFile: '/etc/nearbits/nearbits.yaml',
      policyFile: '/etc/nearbits/policy.yaml',
      domain: { name: 'example', notAfterMs: 2_000_000 },
      peering: { on: true, reason: null },
      ports: { peer: 1, content: 2, discovery: 3 },
      peers: {
        known: this.roster.length,
        authenticated: 0,
        available: this.roster.filter((it) => it.available).length,
      },
      cache: {
        records: this.cache.records.size,
        bytes: [...this.cache.records.values()].reduce((sum, record) => sum + record.bytes, 0),
        maxBytes: 1_000_000,
        maxAgeMs: 86_400_000,
        minFreeBytes: 0,
      },
      transfers: {
        queued: states.filter((state) => state === 'queued').length,
        running: states.filter((state) => state === 'running').length,
      },
      serving: { enabled: true, clients: 0, maxClients: 3, bytesPerSecond: 1_048_576 },
      swarms: {
        on: this.swarmsOff === null,
        reason: this.swarmsOff,
        contents: this.contents.length,
        fetching: 0,
        partners: 0,
      },
      totals: {
        bytesFromPeers: 0,
        bytesFromOrigin: 0,
        bytesFromCache: 0,
        bytesServed: 0,
        bytesGivenToSwarms: 0,
        bytesTakenFromSwarms: 0,
      },
    };
  }

  async peers(): Promise<readonly PeerView[]> {
    return this.roster;
  }

  async swarms(): Promise<readonly SwarmView[]> {
    return this.contents;
  }

  async discoverPeers() {
    this.discoveries++;
    return this.discoveries === 1 ? { sent: true, suppressedMs: null } : { sent: false, suppressedMs: 600_000 };
  }

  async clearPeers(): Promise<void> {
    this.roster.length = 0;
    this.discoveries = 0;
  }

  ownerOf(id: string): string | null {
    return this.transfers.owners.get(id) ?? this.jobs.jobs.get(id as JobId)?.view.owner ?? null;
  }

  config(): ConfigReport {
    return combineLayers({
      file: emptyLayer('/nowhere/nearbits.yaml'),
      program: null,
      policy: emptyLayer('/nowhere/policy.yaml'),
    }).report;
  }

  async reload() {
    if (this.reloadError !== null) throw this.reloadError;
    this.reloads++;
    return { changedKeys: ['serve.clients'], domainChanged: false };
  }

  requestStop(): void {
    this.stopRequests++;
  }

  subscribe(...args: Parameters<EventBus['subscribe']>): () => void {
    return this.events.subscribe(...args);
  }
}

/** Cache records that only have metadata. */
export class MemoryCache implements CacheBackend {
  readonly records = new Map<RecordId, CacheRecordView>();
  readonly busy = new Set<RecordId>();
  /** Resolves when verify was called; it lasts until its signal aborts when there is nothing to verify. */
  readonly verifyCalled = Promise.withResolvers<AbortSignal>();

  add(url: string, bytes = 10): RecordId {
    const id = newRecordId();
    const version = { size: bytes, lastModifiedMs: 5_000, etag: '"e"' };
    const times = { createdMs: 1, lastAccessMs: 2 };
    const ranges = [`0-${bytes - 1}`];
    this.records.set(id, {
      id,
      url,
      version,
      ranges,
      bytes,
      pieceSize: 1_048_576,
      state: 'valid',
      sha256: null,
      ...times,
    });
    return id;
  }

  async list({ url, after, limit }: CacheQuery): Promise<CachePage> {
    const all = [...this.records.values()].sort((a, b) => a.id.localeCompare(b.id));
    const left = all.filter((record) => (url === null || record.url === url) && (after === null || record.id > after));
    return { records: left.slice(0, limit), next: left.length > limit ? (left[limit - 1]?.id ?? null) : null };
  }

  async get(id: RecordId): Promise<CacheRecordView> {
    const record = this.records.get(id);
    if (record === undefined) throw new NearbitsError('E_NOT_FOUND', `there is no record ${id}`);
    return record;
  }

  async remove(id: RecordId): Promise<void> {
    await this.get(id);
    if (this.busy.has(id)) throw new NearbitsError('E_BUSY', `the record ${id} is in use`);
    this.records.delete(id);
  }

  async removeUrl(url: string): Promise<RemoveResult> {
    return this.#removeWhere((record) => record.url === url);
  }

  async clear(): Promise<RemoveResult> {
    return this.#removeWhere(() => true);
  }

  async verify(signal: AbortSignal) {
    this.verifyCalled.resolve(signal);
    if (this.records.size === 0) {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    return { checked: this.records.size, damaged: [], bytes: 0 };
  }

  #removeWhere(matches: (record: CacheRecordView) => boolean): RemoveResult {
    const result = { removed: 0, busy: 0 };
    for (const [id, record] of this.records) {
      if (!matches(record)) continue;
      if (this.busy.has(id)) result.busy++;
      else if (this.records.delete(id)) result.removed++;
    }
    return result;
  }
}

/** Transfers that move when the test calls {@link progress}, {@link complete} or {@link fail}. */
export class MemoryTransfers implements TransferBackend {
  readonly views = new Map<TransferId, TransferView>();
  readonly requests: TransferRequest[] = [];
  /** Who started what. */
  readonly owners = new Map<string, string>();
  readonly #events: EventBus;

  constructor(events: EventBus) {
    this.#events = events;
  }

  async start(caller: Caller, request: TransferRequest): Promise<TransferView> {
    const id = newJobId();
    const url = parseOriginUrl(request.url);
    this.requests.push(request);
    this.owners.set(id, caller.name);
    this.views.set(id, {
      id,
      url,
      destination: request.destination,
      ranges: request.ranges ?? null,
      state: 'running',
      sharing: 'pending',
      sharingReason: null,
      bytesTotal: 100,
      bytesDone: 0,
      bytesFromPeers: 0,
      bytesFromOrigin: 0,
      bytesFromCache: 0,
      version: null,
      sha256: null,
      priority: request.priority,
      createdMs: 1,
      startedMs: 1,
      finishedMs: null,
      error: null,
    });
    this.#events.emit({ type: 'transfer.started', transferId: id, file: 0, url });
    return this.get(caller, id);
  }

  async list(caller: Caller): Promise<readonly TransferView[]> {
    return [...this.views.values()].filter(({ id }) => this.#mayUse(caller, id)).reverse();
  }

  async get(caller: Caller, id: TransferId): Promise<TransferView> {
    const view = this.views.get(id);
    if (view === undefined || !this.#mayUse(caller, id))
      throw new NearbitsError('E_NOT_FOUND', `there is no transfer ${id}`);
    return view;
  }

  async settled(caller: Caller, id: TransferId): Promise<TransferView> {
    while (!isFinal((await this.get(caller, id)).state)) {
      await new Promise<void>((resolve) => {
        const end = this.#events.subscribe(() => {
          end();
          resolve();
        });
      });
    }
    return this.get(caller, id);
  }

  async trace(caller: Caller, id: TransferId): Promise<readonly TraceEntry[]> {
    await this.get(caller, id);
    return [{ atMs: 1, code: 'HEAD', text: 'asked the origin', data: { status: 200 } }];
  }

  async cancel(caller: Caller, id: TransferId): Promise<TransferView> {
    const view = await this.get(caller, id);
    if (!isFinal(view.state)) this.fail(id, new NearbitsError('E_CANCELLED', 'the transfer was cancelled'));
    return this.get(caller, id);
  }

  /** So many bytes have come from peers. */
  progress(id: TransferId, bytesFromPeers: number): void {
    const bytes = { bytesDone: bytesFromPeers, bytesTotal: 100, bytesFromPeers, bytesFromOrigin: 0, bytesFromCache: 0 };
    this.#change(id, bytes);
    this.#events.emit({ type: 'transfer.progress', transferId: id, file: 0, ...bytes });
  }

  complete(id: TransferId): void {
    this.#change(id, { state: 'completed', sharing: 'shared', finishedMs: 9, sha256: '0'.repeat(64) });
    this.#events.emit({ type: 'transfer.completed', transferId: id, file: 0 });
  }

  fail(id: TransferId, error: NearbitsError): void {
    const { code, message } = error;
    const view = { code, message, hint: error.hint ?? null, details: { ...error.details } };
    this.#change(id, {
      state: code === 'E_CANCELLED' ? 'cancelled' : 'failed',
      sharing: 'not-shared',
      finishedMs: 9,
      error: view,
    });
    this.#events.emit({ type: 'transfer.failed', transferId: id, file: 0, code, message });
  }

  #mayUse(caller: Caller, id: string): boolean {
    return caller.administrator || this.owners.get(id) === caller.name;
  }

  #change(id: TransferId, change: Partial<TransferView>): void {
    const view = this.views.get(id);
    if (view !== undefined) this.views.set(id, { ...view, ...change });
  }
}
