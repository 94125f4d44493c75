import type { NodeStatus } from '../api/views.ts';
import { VERSION } from '../platform/version.ts';
import type { NodeParts } from './node-parts.ts';
import { swarmSummary } from './swarm-status.ts';

/** The node at a glance. */
export function nodeStatus(parts: NodeParts): NodeStatus {
  const { identity, paths, membership, config, cache, roster, jobs, totals, startedMs } = parts;
  const peers = parts.peers();
  const usage = cache.usage();
  const entries = roster.entries();
  const domain = membership();
  const serves = peers.on && peers.use.ports.content !== null;
  return {
    nodeId: identity.nodeId,
    version: VERSION,
    runtime: process.version,
    pid: process.pid,
    startedMs,
    rssBytes: process.memoryUsage.rss(),
    dataDir: paths.dataDir,
    configFile: paths.configFile,
    policyFile: paths.policyFile,
    domain: domain === null ? null : { name: domain.domain, notAfterMs: domain.notAfterMs },
    peering: peers.on ? { on: true, reason: null } : { on: false, reason: peers.reason },
    ports: {
      peer: peers.on ? peers.use.ports.peer : null,
      content: peers.on ? peers.use.ports.content : null,
      discovery: peers.on && peers.use.discovery?.datagrams === 'on' ? config.current.discovery.port : null,
    },
    peers: {
      known: entries.length,
      authenticated: entries.filter((entry) => entry.authenticatedUntilMs !== null).length,
      available: entries.filter((entry) => entry.available).length,
    },
    cache: { records: usage.records, bytes: usage.bytes, ...usage.limits },
    transfers: {
      queued: jobs.count('QUEUED') + jobs.count('TRANSIENT_ERROR'),
      running: jobs.count('CONNECTING') + jobs.count('TRANSFERRING'),
    },
    serving: {
      enabled: serves,
      clients: serves ? config.current.serve.clients - peers.use.freeSlots : 0,
      maxClients: config.current.serve.clients,
      bytesPerSecond: config.current.serve.bytesPerSecond,
    },
    swarms: swarmSummary(parts),
    totals: { ...totals.totals },
  };
}
