/**
 * Runs inside an empty network namespace (see test/integration/mdns.test.ts): nodes in one process find each other by
 * @libp2p/mdns alone, on an interface that exists nowhere else. Prints one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import type { Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { startDiscovery } from '../../../src/peer/discovery/start.ts';
import { Roster } from '../../../src/peer/roster.ts';
import { testNodeId } from '../node-ids.ts';

const TAG = new Uint8Array(16).fill(1);
const FOREIGN_TAG = new Uint8Array(16).fill(2);
const ADDRESS = '10.66.0.2';
// Polls, pauses and delays of the nodes pass this much faster; the network is the real one.
const HASTE = 20;

const hasty: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * HASTE,
  after: (delayMs, run) => systemClock.after(delayMs / HASTE, run),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / HASTE, signal),
};

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function plugIn(): void {
  ip('link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1');
  ip('link', 'set', 'lan1', 'up');
  ip('address', 'add', `${ADDRESS}/24`, 'dev', 'lan0');
  ip('link', 'set', 'lan0', 'up', 'multicast', 'on');
  ip('route', 'add', 'default', 'dev', 'lan0');
}

async function startNode(index: number, domainTag: Uint8Array) {
  let sent = 0;
  const emit = (event: { readonly type: string }) => {
    if (event.type === 'discovery.sent') sent++;
  };
  const roster = await Roster.open({ table: null, clock: hasty, log: silentLogger, emit });
  const nodeId = testNodeId(index);
  const tcpPort = 20_000 + index;
  const listenAddresses = () => [
    `/ip4/127.0.0.1/tcp/${tcpPort}/p2p/${nodeId}`,
    `/ip4/${ADDRESS}/tcp/${tcpPort}/p2p/${nodeId}`,
  ];
  const network = { tcpPort: () => tcpPort, listenAddresses, connectHint: () => {} };
  const deps = { nodeId, domainTag, roster, log: silentLogger, emit, clock: hasty, ...network };
  const options = { datagrams: false, mdns: true, port: 21_782, interfaces: 'all', staticPeers: [] } as const;
  const discovery = await startDiscovery(deps, options);
  const peers = () =>
    roster
      .usable()
      .map((entry) => `${entry.addresses[0]?.host}:${entry.addresses[0]?.port}`)
      .sort();
  return { peers, sent: () => sent, stop: () => discovery.stop() };
}

async function until(condition: () => boolean): Promise<boolean> {
  const giveUpMs = performance.now() + 15_000;
  while (!condition() && performance.now() < giveUpMs) await systemClock.sleep(20);
  return condition();
}

plugIn();
const nodes = [await startNode(1, TAG), await startNode(2, TAG), await startNode(3, TAG)];
const foreign = await startNode(4, FOREIGN_TAG);
const met = await until(() => nodes.every((node) => node.peers().length === 2));
const peers = nodes.map((node) => node.peers());

// The same interface with the same address, taken away and put back: the group must be joined anew.
ip('link', 'delete', 'lan0');
await until(() => nodes.every((node) => node.peers().length === 0));
plugIn();
const sentBefore = nodes.map((node) => node.sent());
await until(() => nodes.every((node, index) => node.sent() > (sentBefore[index] ?? 0)));
const newcomer = await startNode(5, TAG);
const metAgain = await until(() => newcomer.peers().length === 3 && nodes.every((node) => node.peers().length === 3));

const foreignPeers = foreign.peers();
for (const node of [...nodes, foreign, newcomer]) await node.stop();
process.stdout.write(`${JSON.stringify({ met, peers, metAgain, newcomer: newcomer.peers(), foreignPeers })}\n`);
