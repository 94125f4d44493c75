import { join } from 'node:path';
import type { NodeBackend } from './api/backend.ts';
import { ApiServer } from './api/server.ts';
import type { Cache } from './cache/cache.ts';
import type { Config } from './config/config.ts';
import { type ConfigInput, NETWORK_COSTS } from './config/schema.ts';
import { ConfigStore } from './config/store.ts';
import { systemClock } from './core/clock.ts';
import type { NodeId } from './core/ids.ts';
import { systemRandom } from './core/random.ts';
import { Exchange } from './exchange/exchange.ts';
import type { Sharing, TransferPolicy } from './fetch/deps.ts';
import type { JobPolicy } from './job/context.ts';
import { type JobsDeps, openJobs } from './job/open-jobs.ts';
import { applyChange } from './node/apply-config.ts';
import { openCache } from './node/cache-place.ts';
import { RunningBackend } from './node/node-backend.ts';
import type { NodeParts } from './node/node-parts.ts';
import { Origins } from './node/origins.ts';
import { PeerSwitch } from './node/peer-switch.ts';
import { Starting } from './node/starting.ts';
import { TotalsCounter } from './node/totals.ts';
import { watchDomain } from './node/watch-domain.ts';
import { EventBus } from './observe/events.ts';
import { createLogger, type Logger } from './observe/log.ts';
import { type Identity, loadOrCreateIdentity } from './peer/identity.ts';
import { Roster } from './peer/roster.ts';
import { rosterRecordSchema } from './peer/roster-entry.ts';
import { ensurePrivateDir } from './platform/disk.ts';
import { readPlatformFacts } from './platform/facts.ts';
import { NetworkWatch } from './platform/network-watch.ts';
import { type NodePaths, resolvePaths } from './platform/paths.ts';
import { VERSION } from './platform/version.ts';
import { Users } from './security/users.ts';
import { Vault } from './security/vault.ts';
import { Database } from './store/database.ts';
import { WarmParts } from './transfer/warm-parts.ts';

/** What a program can choose about its node; all of it may be left out. */
export interface NodeOptions {
  /** Identity, membership, index and cached content; one node at a time. */
  readonly dataDir?: string;
  readonly configFile?: string;
  readonly policyFile?: string;
  readonly socketPath?: string;
  /** Preferences that win over the file and lose to the policy; the same names and forms as in nearbits.yaml. */
  readonly config?: ConfigInput;
  readonly log?: Logger;
  /** Whether other programs may drive the node over its local API; false unless told. */
  readonly listenApi?: boolean;
  /** Whether transfers that an earlier process left unfinished go on; as `listenApi` unless told. */
  readonly resume?: boolean;
  /** Stops the node when it aborts; before the node has started, `createNode` rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** A running node inside this process. */
export interface NearbitsNode extends AsyncDisposable {
  readonly nodeId: NodeId;
  readonly paths: NodePaths;
  /** Everything the local API can do, without the API. */
  readonly backend: NodeBackend;
  /** TCP ports for neighbours, null where nothing listens. */
  readonly ports: { readonly peer: number | null; readonly content: number | null };
  /** Resolves when somebody asked the node to stop, over the API or through the signal. */
  readonly stopRequested: Promise<void>;
  /** Stops everything, in the reverse order of its start; unfinished transfers go on at the next start. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a node: this is the one place that knows all parts, and the order
 * below is the order in which a byte travels, backwards.
 * @throws NearbitsError E_CONFIG, E_ALREADY_RUNNING, E_LISTEN or E_IO; nothing stays open then.
 */
export async function createNode(options: NodeOptions = {}): Promise<NearbitsNode> {
  const starting = new Starting();
  try {
    return await start(options, starting);
  } catch (error) {
    await starting.stop();
    throw error;
  }
}

async function start(options: NodeOptions, starting: Starting): Promise<NearbitsNode> {
  options.signal?.throwIfAborted();
  const clock = systemClock;
  const paths = resolvePaths(readPlatformFacts(), options, process.cwd());
  const events = new EventBus(clock);
  const emit = events.emit;
  const log = options.log ?? createLogger('info');
  const config = starting.own(await openConfig(options, paths, log, events), (it) => it.close());
  if (options.log === undefined) log.level = config.current.log.level;

  await ensurePrivateDir(paths.dataDir);
  const database = starting.own(
    await Database.open({ log, emit, clock }, { dir: join(paths.dataDir, 'index') }),
    (it) => it.close(),
  );
  const identity = await loadOrCreateIdentity(paths.dataDir);
  const cache = starting.own(await openCache(config.current, paths, { database, clock, log, emit }), (it) =>
    it.close(),
  );
  const table = database.table('roster', rosterRecordSchema);
  const roster = starting.own(await Roster.open({ table, clock, log, emit }), (it) => it.close());
  const domainDir = join(paths.dataDir, 'domain');
  const exchange = starting.own(new Exchange({ identity, cache, clock, random: systemRandom, emit }), (it) =>
    it.stop(),
  );
  const peers = new PeerSwitch({ identity, domainDir, cache, roster, exchange, clock, log, emit });
  starting.own(peers, (it) => it.close());
  await peers.open(config.current);
  peers.watchExpiry(() => config.current);

  const totals = new TotalsCounter();
  events.subscribe((event) => totals.observe(event));
  const origins = starting.own(await Origins.open({ clock, log }, config.current.origin), (it) => it.close());
  const vault = await Vault.open({ log }, { dataDir: paths.dataDir });
  const jobDatabase = starting.own(
    await Database.open({ log, emit, clock }, { dir: join(paths.dataDir, 'jobs'), setAside: true }),
    (it) => it.close(),
  );
  const fetch: JobsDeps['fetch'] = {
    clock,
    log,
    emit,
    cache,
    warm: new WarmParts(),
    neighbours: () => (config.current.peers.client ? peers.current : { on: false, reason: 'peers.client is false' }),
    shareInto: () => shareInto(peers, config.current, cache),
    exchange,
    policy: () => policyOf(config.current),
  };
  const origin = () => origins.current;
  const policy = () => jobPolicyOf(config.current);
  const resume = options.resume ?? options.listenApi ?? false;
  const network = new NetworkWatch({ clock });
  const jobDeps = {
    clock,
    random: systemRandom,
    log,
    emit,
    vault,
    fetch,
    origin,
    policy,
    network,
    database: jobDatabase,
  };
  const jobs = starting.own(await openJobs(jobDeps, { resume }), (it) => it.stop());

  const stop = new AbortController();
  const stopRequested = Promise.withResolvers<void>();
  const parts: NodeParts = {
    paths,
    identity,
    config,
    events,
    cache,
    roster,
    exchange,
    jobs,
    totals,
    startedMs: clock.wallMs(),
    stopping: stop.signal,
    membership: () => peers.membership,
    peers: () => peers.current,
    reload: async () => {
      const changedKeys = [...(await config.reload())];
      await applied;
      return { changedKeys, domainChanged: await peers.reloadMembership(config.current) };
    },
    requestStop: () => stopRequested.resolve(),
  };
  // Changes are applied one after the other, so that the last one stays.
  let applied = Promise.resolve();
  const changing = { peers, cache, origins, jobs, paths, log, ownLog: options.log === undefined };
  config.subscribe((next, changed) => {
    applied = applied.then(() => applyChange(next, changed, changing));
  });
  starting.own(
    watchDomain(domainDir, () => peers.reloadMembership(config.current), log),
    (end) => end(),
  );
  config.watch();
  const backend = new RunningBackend(parts);
  if (options.listenApi) {
    const users = await Users.open({ log }, { dataDir: paths.dataDir });
    const api = await ApiServer.start({ backend, users, clock, log }, apiOptions(config.current, paths));
    starting.own(api, (it) => it.stop());
  }
  emit({ type: 'node.started', nodeId: identity.nodeId });
  starting.own(stop, (it) => {
    emit({ type: 'node.stopping' });
    it.abort();
  });
  // Also a wish to stop that came while the node was starting counts.
  options.signal?.throwIfAborted();
  const stopNow = () => {
    stopRequested.resolve();
    starting.stop().catch((error) => log.error({ err: error }, 'a part of the node did not stop well'));
  };
  options.signal?.addEventListener('abort', stopNow, { once: true });
  return runningNode(identity, paths, backend, peers, stopRequested.promise, starting);
}

function runningNode(
  { nodeId }: Identity,
  paths: NodePaths,
  backend: NodeBackend,
  peers: PeerSwitch,
  stopRequested: Promise<void>,
  starting: Starting,
): NearbitsNode {
  const stop = () => starting.stop();
  return {
    nodeId,
    paths,
    backend,
    stopRequested,
    get ports() {
      const side = peers.current;
      return side.on ? side.use.ports : { peer: null, content: null };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function openConfig(options: NodeOptions, paths: NodePaths, log: Logger, events: EventBus): Promise<ConfigStore> {
  const { configFile, policyFile } = paths;
  return ConfigStore.open({ log, emit: events.emit }, { configFile, policyFile, program: options.config });
}

function shareInto(peers: PeerSwitch, config: Config, cache: Cache): Sharing<Cache> {
  const side = peers.current;
  if (!side.on) return side;
  return config.peers.server ? { on: true, use: cache } : { on: false, reason: 'peers.server is false' };
}

function policyOf({ search, origin, swarm }: Config): TransferPolicy {
  return {
    patience: { foregroundMs: search.patienceMs.foreground, backgroundMs: search.patienceMs.background },
    originRetries: origin.retries,
    whenOriginDown: search.whenOriginDown,
    swarm: {
      enabled: swarm.enabled,
      minBytes: swarm.minBytes,
      patience: { pulseMs: swarm.stallTimeoutMs, ownMs: swarm.patienceMs },
    },
  };
}

function jobPolicyOf({ jobs }: Config): JobPolicy {
  // The words of the configuration stand in the order of the bits of BITS_COST_STATE_*.
  return { ...jobs, networkCost: 2 ** NETWORK_COSTS.indexOf(jobs.networkCost) };
}

function apiOptions(config: Config, paths: NodePaths): Parameters<typeof ApiServer.start>[1] {
  const { enabled, host, port, tokenFile } = config.api.tcp;
  const tcp = enabled ? { host, port, tokenFile: tokenFile ?? join(paths.dataDir, 'api.token') } : null;
  return { socketPath: paths.socketPath, tcp, version: VERSION };
}
