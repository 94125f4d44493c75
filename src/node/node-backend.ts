import type { CacheBackend, NodeBackend, TransferBackend } from '../api/backend.ts';
import type { SwarmView } from '../api/swarm-views.ts';
import type { CachePage, DiscoverResult, NodeStatus, PeerView, ReloadResult } from '../api/views.ts';
import type { Cache } from '../cache/cache.ts';
import type { ConfigReport } from '../config/effective.ts';
import { NearbitsError } from '../core/errors.ts';
import type { RecordId } from '../core/ids.ts';
import type { JobBackend } from '../job/model/job-backend.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { NodeParts } from './node-parts.ts';
import { nodeStatus } from './status.ts';
import { swarmView } from './swarm-status.ts';
import { peerView, recordView } from './views.ts';

/** What the API needs of the running node, given to it by the node's parts. */
export class RunningBackend implements NodeBackend {
  readonly cache: CacheBackend;
  readonly transfers: TransferBackend;
  readonly jobs: JobBackend;
  readonly #parts: NodeParts;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.cache = cacheBackend(parts.cache);
    this.transfers = parts.jobs.transfers;
    this.jobs = parts.jobs.service;
  }

  ownerOf(id: string): string | null {
    return this.#parts.jobs.ownerOf(id);
  }

  async status(): Promise<NodeStatus> {
    return nodeStatus(this.#parts);
  }

  async peers(): Promise<readonly PeerView[]> {
    return this.#parts.roster.entries().map(peerView);
  }

  async swarms(): Promise<readonly SwarmView[]> {
    return this.#parts.exchange.list().map(swarmView);
  }

  async discoverPeers(): Promise<DiscoverResult> {
    const peers = this.#parts.peers();
    if (!peers.on) throw new NearbitsError('E_DOMAIN', `neighbours cannot be looked for: ${peers.reason}`);
    const { started, suppressedForMs } = await peers.use.discover(this.#parts.stopping);
    return { sent: started, suppressedMs: started ? null : suppressedForMs };
  }

  async clearPeers(): Promise<void> {
    this.#parts.roster.clear();
    const peers = this.#parts.peers();
    if (peers.on) peers.use.liftSuppression();
  }

  config(): ConfigReport {
    return this.#parts.config.report;
  }

  reload(): Promise<ReloadResult> {
    return this.#parts.reload();
  }

  requestStop(): void {
    this.#parts.requestStop();
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    return this.#parts.events.subscribe(listener);
  }
}

function cacheBackend(cache: Cache): CacheBackend {
  return {
    async list({ url, after, limit }): Promise<CachePage> {
      const query = { limit: limit + 1, ...(url === null ? {} : { url }), ...(after === null ? {} : { after }) };
      const records = await cache.list(query);
      const page = records.slice(0, limit);
      return { records: page.map(recordView), next: records.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
    async get(id: RecordId) {
      const record = cache.get(id);
      if (record !== null) return recordView(record);
      throw new NearbitsError('E_NOT_FOUND', `the cache has no record ${id}`);
    },
    remove: (id) => cache.remove(id),
    removeUrl: (url) => cache.removeUrl(url),
    clear: () => cache.clear(),
    async verify(signal) {
      const { checked, damaged, bytes } = await cache.verify(signal);
      return { checked, bytes, damaged: damaged.map((record) => record.id) };
    },
  };
}
