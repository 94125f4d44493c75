import type { LogLevel } from '../observe/log.ts';
import type { NetworkCost, Settings } from './schema.ts';
import type { CacheSize, StaticPeer } from './special-keys.ts';

/** The effective configuration as the parts of the node take it: frozen, units in the names. Meanings: config/schema.ts. */
export interface Config {
  readonly peers: { readonly enabled: boolean; readonly client: boolean; readonly server: boolean };
  readonly listen: { readonly host: string; readonly peerPort: number; readonly contentPort: number };
  readonly discovery: {
    readonly enabled: boolean;
    readonly port: number;
    readonly mdns: boolean;
    readonly broadcast: boolean;
    readonly interfaces: 'all' | readonly string[];
    readonly staticPeers: readonly StaticPeer[];
  };
  readonly search: {
    readonly maxPeers: number;
    readonly peerTimeoutMs: number;
    readonly timeoutMs: number;
    readonly patienceMs: { readonly foreground: number; readonly background: number };
    readonly whenOriginDown: 'never' | 'digest' | 'newest';
  };
  readonly cache: {
    /** Null: a directory inside the data directory. */
    readonly directory: string | null;
    readonly maxSize: CacheSize;
    readonly maxAgeMs: number;
    readonly minFreeBytes: number;
  };
  readonly serve: {
    readonly clients: number;
    readonly bytesPerSecond: number | 'unlimited';
    readonly waitMs: number;
  };
  readonly swarm: {
    readonly enabled: boolean;
    readonly minBytes: number;
    readonly bytesPerSecond: number | 'unlimited';
    readonly clients: number;
    readonly requests: number;
    readonly stallTimeoutMs: number;
    readonly patienceMs: number;
  };
  readonly origin: {
    readonly connectTimeoutMs: number;
    readonly headersTimeoutMs: number;
    readonly stallTimeoutMs: number;
    readonly minBytesPerSecond: number;
    readonly maxRedirects: number;
    readonly retries: number;
    /** `environment`, `none`, or the URL of a proxy. */
    readonly proxy: string;
    readonly caFile: string | null;
    /** Null: no revocation lists. */
    readonly crlFile: string | null;
  };
  readonly jobs: {
    readonly maxPerMachine: number;
    readonly maxPerUser: number;
    readonly maxFilesPerJob: number;
    readonly maxRangesPerFile: number;
    readonly inactivityTimeoutMs: number;
    readonly maxDownloadTimeMs: number;
    readonly timeSliceMs: number;
    /** Absolute paths; none: no job starts a program. */
    readonly notifyPrograms: readonly string[];
    readonly networkCost: NetworkCost;
  };
  readonly api: {
    readonly tcp: {
      readonly enabled: boolean;
      readonly host: string;
      readonly port: number;
      /** Null: api.token inside the data directory. */
      readonly tokenFile: string | null;
    };
  };
  readonly log: { readonly level: LogLevel };
}

/** Gives the parsed values the names under which the node uses them. */
export function toConfig(settings: Settings): Config {
  const { peers, listen, discovery, search, cache, serve, swarm, origin, jobs, api, log } = settings;
  return deepFreeze({
    peers: { ...peers },
    listen: { ...listen },
    discovery: {
      enabled: discovery.enabled,
      port: discovery.port,
      mdns: discovery.mdns,
      broadcast: discovery.broadcast,
      interfaces: discovery.interfaces,
      staticPeers: discovery.static,
    },
    search: {
      maxPeers: search.peers,
      peerTimeoutMs: search.peerTimeout,
      timeoutMs: search.timeout,
      patienceMs: { ...search.patience },
      whenOriginDown: search.whenOriginDown,
    },
    cache: {
      directory: cache.directory,
      maxSize: cache.maxSize,
      maxAgeMs: cache.maxAge,
      minFreeBytes: cache.minFree,
    },
    serve: { clients: serve.clients, bytesPerSecond: serve.bandwidth, waitMs: serve.wait },
    swarm: {
      enabled: swarm.enabled,
      minBytes: swarm.minSize,
      bytesPerSecond: swarm.bandwidth,
      clients: swarm.clients,
      requests: swarm.requests,
      stallTimeoutMs: swarm.stallTimeout,
      patienceMs: swarm.patience,
    },
    origin: {
      connectTimeoutMs: origin.connectTimeout,
      headersTimeoutMs: origin.headersTimeout,
      stallTimeoutMs: origin.stallTimeout,
      minBytesPerSecond: origin.minRate,
      maxRedirects: origin.maxRedirects,
      retries: origin.retries,
      proxy: origin.proxy,
      caFile: origin.caFile,
      crlFile: origin.crlFile,
    },
    jobs: {
      maxPerMachine: jobs.maxPerMachine,
      maxPerUser: jobs.maxPerUser,
      maxFilesPerJob: jobs.maxFilesPerJob,
      maxRangesPerFile: jobs.maxRangesPerFile,
      inactivityTimeoutMs: jobs.inactivityTimeout,
      maxDownloadTimeMs: jobs.maxDownloadTime,
      timeSliceMs: jobs.timeSlice,
      notifyPrograms: jobs.notifyPrograms,
      networkCost: jobs.networkCost,
    },
    api: { tcp: { ...api.tcp } },
    log: { ...log },
  });
}

/** Freezes an object and everything in it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
