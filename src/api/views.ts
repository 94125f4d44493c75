import { z } from 'zod';
import { FileVersionView, TraceEntry, TransferView } from '../job/model/transfer-view.ts';
import { SwarmSummary } from './swarm-views.ts';

/** What the local API shows of the node, its peers and its cache. */

const BYTES = z.int().min(0);
const COUNT = z.int().min(0);
const TIME_MS = z.number().describe('milliseconds since 1970');

/** The node at a glance. */
export const NodeStatus = z
  .object({
    nodeId: z.string(),
    version: z.string().describe('version of nearbits'),
    runtime: z.string().describe('version of Node.js'),
    pid: z.int(),
    startedMs: TIME_MS,
    rssBytes: BYTES.describe('memory of the process'),
    dataDir: z.string().describe('like the two below empty for users who are no administrators'),
    configFile: z.string(),
    policyFile: z.string(),
    domain: z
      .object({ name: z.string(), notAfterMs: TIME_MS.describe('when the membership expires') })
      .nullable()
      .describe('null: no member of a domain, so no peer traffic at all'),
    peering: z
      .object({
        on: z.boolean(),
        reason: z.string().nullable().describe('why neighbours are not used; null when they are'),
      })
      .describe('whether this node talks to neighbours'),
    ports: z.object({
      peer: z.int().nullable().describe('TCP port of libp2p; null: no socket open'),
      content: z.int().nullable().describe('TCP port of the content server'),
      discovery: z.int().nullable().describe('UDP port of discovery'),
    }),
    peers: z.object({ known: COUNT, authenticated: COUNT, available: COUNT }),
    cache: z.object({
      records: COUNT,
      bytes: BYTES,
      maxBytes: BYTES,
      maxAgeMs: z.number(),
      minFreeBytes: BYTES,
    }),
    transfers: z.object({ queued: COUNT, running: COUNT }),
    serving: z.object({
      enabled: z.boolean(),
      clients: COUNT.describe('peers being served now'),
      maxClients: COUNT,
      bytesPerSecond: z.union([z.number(), z.literal('unlimited')]),
    }),
    swarms: SwarmSummary.describe('contents that are fetched or given together with neighbours'),
    totals: z
      .object({
        bytesFromPeers: BYTES.describe('those of swarms too'),
        bytesFromOrigin: BYTES,
        bytesFromCache: BYTES,
        bytesServed: BYTES.describe('to neighbours, from the cache; without those of swarms'),
        bytesGivenToSwarms: BYTES.describe('to neighbours that fetch the same content'),
        bytesTakenFromSwarms: BYTES.describe('from neighbours that fetch the same content, good or not'),
      })
      .describe('since the node started'),
  })
  .meta({ id: 'NodeStatus' });
export type NodeStatus = z.infer<typeof NodeStatus>;

/** A neighbour in the roster. */
export const PeerView = z
  .object({
    nodeId: z.string(),
    addresses: z.array(z.object({ host: z.string(), port: z.int(), via: z.string(), lastSeenMs: TIME_MS })),
    authenticatedUntilMs: TIME_MS.nullable().describe('null: not authenticated'),
    available: z.boolean(),
    failures: COUNT.describe('failures since the last good contact'),
    firstSeenMs: TIME_MS,
    lastSeenMs: TIME_MS,
  })
  .meta({ id: 'Peer' });
export type PeerView = z.infer<typeof PeerView>;

/** The roster. */
export const PeerList = z.object({ peers: z.array(PeerView) }).meta({ id: 'PeerList' });

/** What a wish to look for peers led to. */
export const DiscoverResult = z
  .object({
    sent: z.boolean().describe('whether a probe went out'),
    suppressedMs: z.number().nullable().describe('how long no probe is sent because one was sent shortly before'),
  })
  .meta({ id: 'DiscoverResult' });
export type DiscoverResult = z.infer<typeof DiscoverResult>;

/** A record of the cache. */
export const CacheRecordView = z
  .object({
    id: z.string(),
    url: z.string(),
    version: FileVersionView,
    ranges: z.array(z.string()).describe('what of the file is held, as first-last with both included'),
    bytes: BYTES.describe('bytes held'),
    pieceSize: z.int(),
    state: z.enum(['unknown', 'valid', 'invalid']).describe('only valid records are shared'),
    sha256: z.string().nullable(),
    createdMs: TIME_MS,
    lastAccessMs: TIME_MS,
  })
  .meta({ id: 'CacheRecord' });
export type CacheRecordView = z.infer<typeof CacheRecordView>;

/** One page of the cache, in the order of the ids. */
export const CachePage = z
  .object({
    records: z.array(CacheRecordView),
    next: z.string().nullable().describe('give it as `after` to read on; null at the end'),
  })
  .meta({ id: 'CachePage' });
export type CachePage = z.infer<typeof CachePage>;

/** What checking every record against its hashes found. */
export const VerifyReport = z
  .object({
    checked: COUNT,
    damaged: z.array(z.string()).describe('ids of the records that were damaged and are removed now'),
    bytes: BYTES.describe('bytes read'),
  })
  .meta({ id: 'VerifyReport' });
export type VerifyReport = z.infer<typeof VerifyReport>;

/** How many records went, and how many stay because they are in use. */
export const RemoveResult = z.object({ removed: COUNT, busy: COUNT }).meta({ id: 'RemoveResult' });
export type RemoveResult = z.infer<typeof RemoveResult>;

/** What reading the configuration again changed. */
export const ReloadResult = z
  .object({ changedKeys: z.array(z.string()), domainChanged: z.boolean() })
  .meta({ id: 'ReloadResult' });
export type ReloadResult = z.infer<typeof ReloadResult>;

/** Transfers, newest first. */
export const TransferList = z.object({ transfers: z.array(TransferView) }).meta({ id: 'TransferList' });

/** The decisions of a transfer, oldest first. */
export const Trace = z.object({ entries: z.array(TraceEntry) }).meta({ id: 'Trace' });
