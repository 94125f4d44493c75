import type { NodeStatus, PeerView } from '../../api/views.ts';
import { printBytes, printDuration } from '../../core/units.ts';
import type { TransferView } from '../../job/model/transfer-view.ts';
import { plain, table } from './table.ts';
import { transferTable } from './transfer.ts';

/** The node at a glance, and its last transfers. */
export function statusText(status: NodeStatus, transfers: readonly TransferView[], nowMs: number): string {
  const rows: [string, string][] = [
    ['node', status.nodeId],
    ['version', `${status.version} on Node.js ${status.runtime}, process ${status.pid}`],
    ['running for', printDuration(Math.max(0, nowMs - status.startedMs))],
    ['memory', printBytes(status.rssBytes)],
    ['domain', domainText(status, nowMs)],
    ['neighbours', peersText(status)],
    ['ports', portsText(status)],
    ['serving', servingText(status)],
    ['swarms', swarmsText(status)],
    [
      'cache',
      `${printBytes(status.cache.bytes)} of ${printBytes(status.cache.maxBytes)}, ${count(status.cache.records, 'record')}`,
    ],
    ['transfers', `${status.transfers.running} running, ${status.transfers.queued} waiting`],
    [
      'received',
      `${printBytes(status.totals.bytesFromPeers)} from neighbours, ${printBytes(status.totals.bytesFromOrigin)} from origins`,
    ],
    ['served', servedText(status)],
    ['data', status.dataDir],
    ['configuration', status.configFile],
    ['policy', status.policyFile],
  ];
  const text = table(rows);
  return transfers.length === 0 ? text : `${text}\n\n${transferTable(transfers)}`;
}

function domainText({ domain }: NodeStatus, nowMs: number): string {
  if (domain === null) return 'none: no peer traffic ("nearbits domain join TOKEN" or "domain create NAME")';
  const left = domain.notAfterMs - nowMs;
  return `${plain(domain.name)}, ${left > 0 ? `member for another ${printDuration(left)}` : 'membership has expired'}`;
}

function peersText({ peering, peers }: NodeStatus): string {
  if (!peering.on) return `off: ${plain(peering.reason ?? 'not wanted')}`;
  return `${peers.known} known, ${peers.authenticated} authenticated, ${peers.available} available`;
}

function portsText({ ports }: NodeStatus): string {
  const named = [
    ['peer TCP', ports.peer],
    ['content TCP', ports.content],
    ['discovery UDP', ports.discovery],
  ] as const;
  const open = named.filter(([, port]) => port !== null).map(([name, port]) => `${name} ${port}`);
  return open.length === 0 ? 'none open' : open.join(', ');
}

function servingText({ serving }: NodeStatus): string {
  if (!serving.enabled) return 'nothing';
  const rate =
    serving.bytesPerSecond === 'unlimited' ? 'without a limit' : `at most ${printBytes(serving.bytesPerSecond)}/s`;
  return `${serving.clients} of ${serving.maxClients} neighbours, ${rate}`;
}

function swarmsText({ swarms, peering }: NodeStatus): string {
  // The line about neighbours says why already.
  if (!swarms.on) return peering.on ? `off: ${plain(swarms.reason ?? 'not wanted')}` : 'off';
  if (swarms.contents === 0) return 'none now';
  const fetching = `${swarms.fetching} fetching, ${swarms.contents - swarms.fetching} giving`;
  return `${fetching}, with ${count(swarms.partners, 'neighbour')} ("nearbits swarms")`;
}

function servedText({ totals }: NodeStatus): string {
  return `${printBytes(totals.bytesServed)} from the cache, ${printBytes(totals.bytesGivenToSwarms)} in swarms`;
}

/** The neighbours in a table. */
export function peersTable(peers: readonly PeerView[], nowMs: number): string {
  if (peers.length === 0) return 'no neighbours are known';
  const rows = peers.map((peer) => [
    peer.nodeId,
    peer.authenticatedUntilMs !== null && peer.authenticatedUntilMs > nowMs ? 'authenticated' : 'not authenticated',
    peer.available ? 'available' : count(peer.failures, 'failure'),
    `seen ${printDuration(Math.max(0, nowMs - peer.lastSeenMs))} ago`,
    peer.addresses
      .map(({ host, port, via }) => `${host.includes(':') ? `[${host}]` : host}:${port} (${via})`)
      .join(', '),
  ]);
  return table(rows);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
