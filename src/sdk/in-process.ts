import { jobOf } from '../api/access.ts';
import type { CacheBackend, NodeBackend } from '../api/backend.ts';
import { EventQueue } from '../api/event-queue.ts';
import type { CacheRecordView } from '../api/views.ts';
import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import { parseRecordId, parseTransferId, type RecordId } from '../core/ids.ts';
import { parseOriginUrl } from '../core/url.ts';
import { TransferRequest, type TransferRequestInput, type TransferView } from '../job/model/transfer-view.ts';
import { localOwner } from '../platform/local-owner.ts';
import type { CacheAccess, NodeAccess, TransferAccess } from './access.ts';
import { jobsInProcess } from './job-in-process.ts';
import { Jobs } from './jobs.ts';
import { watchTransfer } from './watch.ts';

const PAGE = 1000;

/**
 * The node of this process, to be used like one in another process; no socket lies between. What it does belongs to
 * `caller`: the user this process runs as, unless another one is named.
 */
export function inProcess(backend: NodeBackend, caller: Caller = localOwner()): NodeAccess {
  return {
    status: () => backend.status(),
    peers: async () => [...(await backend.peers())],
    swarms: async () => [...(await backend.swarms())],
    discoverPeers: () => backend.discoverPeers(),
    clearPeers: () => backend.clearPeers(),
    config: async () => backend.config(),
    reload: () => backend.reload(),
    cache: cacheAccess(backend.cache),
    jobs: new Jobs(jobsInProcess(backend, caller)),
    transfers: transferAccess(backend, caller),
  };
}

function cacheAccess(cache: CacheBackend): CacheAccess {
  return {
    list: ({ url } = {}) => listAll(cache, url === undefined ? null : parseOriginUrl(url)),
    get: async (id) => await cache.get(parseRecordId(id)),
    remove: async (id) => await cache.remove(parseRecordId(id)),
    removeUrl: async (url) => await cache.removeUrl(parseOriginUrl(url)),
    clear: () => cache.clear(),
    verify: ({ signal } = {}) => cache.verify(signal ?? new AbortController().signal),
  };
}

async function* listAll(cache: CacheBackend, url: string | null): AsyncGenerator<CacheRecordView> {
  let after: RecordId | null = null;
  do {
    const { records, next } = await cache.list({ url, after, limit: PAGE });
    yield* records;
    after = next === null ? null : parseRecordId(next);
  } while (after !== null);
}

function transferAccess(backend: NodeBackend, caller: Caller): TransferAccess {
  const { transfers } = backend;
  return {
    start: async (request) => await transfers.start(caller, checkRequest(request)),
    list: async () => [...(await transfers.list(caller))],
    get: async (id) => await transfers.get(caller, parseTransferId(id)),
    settled: async (id) => await transfers.settled(caller, parseTransferId(id)),
    trace: async (id) => [...(await transfers.trace(caller, parseTransferId(id)))],
    cancel: async (id) => await transfers.cancel(caller, parseTransferId(id)),
    watch: (id, { signal } = {}) => watch(backend, caller, id, signal),
  };
}

async function* watch(
  backend: NodeBackend,
  caller: Caller,
  text: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<TransferView> {
  const id = parseTransferId(text);
  const events = new EventQueue();
  const end = (): void => events.end();
  const unsubscribe = backend.subscribe((event) => {
    if (jobOf(event) === id) events.push(event);
  });
  signal?.addEventListener('abort', end);
  try {
    signal?.throwIfAborted();
    const { transfers } = backend;
    const source = { events, get: () => transfers.get(caller, id), settled: () => transfers.settled(caller, id) };
    yield* watchTransfer(source, id);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    throw new NearbitsError('E_CANCELLED', 'the watching was stopped', { cause: error });
  } finally {
    signal?.removeEventListener('abort', end);
    unsubscribe();
  }
}

/** The same check that the API does. */
function checkRequest(request: TransferRequestInput): TransferRequest {
  const result = TransferRequest.safeParse(request);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`);
  throw new NearbitsError('E_INVALID_ARGUMENT', problems.join('; '), { details: { problems } });
}
