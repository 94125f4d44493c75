import { execFileSync } from 'node:child_process';
import type { Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { startDiscovery } from '../../../src/peer/discovery/start.ts';
import { Roster } from '../../../src/peer/roster.ts';
import { testNodeId } from '../node-ids.ts';

// Polls, pauses and delays of the nodes pass this much faster; the network is the real one.
const HASTE = 20;

const hasty: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * HASTE,
  after: (delayMs, run) => systemClock.after(delayMs / HASTE, run),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / HASTE, signal),
};

/** Runs iproute2 in the namespace of this process. */
export function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Gives the interface its address and makes it the way out. */
export function configure(name: string, address: string): void {
  ip('address', 'add', `${address}/24`, 'dev', name);
  ip('link', 'set', name, 'up');
  ip('route', 'add', 'default', 'dev', name);
}

/** A node that finds peers by mDNS alone. */
export async function startMdnsNode(index: number, address: string, tag = 1) {
  let sent = 0;
  const emit = (event: { readonly type: string }) => {
    if (event.type === 'discovery.sent') sent++;
  };
  const roster = await Roster.open({ table: null, clock: hasty, log: silentLogger, emit });
  const nodeId = testNodeId(index);
  const tcpPort = 20_000 + index;
  const at = (host: string) => `/ip4/${host}/tcp/${tcpPort}/p2p/${nodeId}`;
  const listenAddresses = () => [at('127.0.0.1'), at(address)];
  const network = { tcpPort: () => tcpPort, listenAddresses, connectHint: () => {} };
  const domainTag = new Uint8Array(16).fill(tag);
  const deps = { nodeId, domainTag, roster, log: silentLogger, emit, clock: hasty, ...network };
  // No peers wanted: after the question of the start only a changed interface makes the node ask again.
  const quiet = { wantedPeers: 0, interfaces: 'all', staticPeers: [] } as const;
  const discovery = await startDiscovery(deps, { datagrams: false, mdns: true, port: 21_782, ...quiet });
  const peers = () =>
    roster
      .entries()
      .map(({ addresses: [first] }) => `${first?.host}:${first?.port}`)
      .sort();
  return { peers, sent: () => sent, stop: () => discovery.stop() };
}

/** Whether the condition came true within 15 seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const giveUpMs = performance.now() + 15_000;
  while (performance.now() < giveUpMs) {
    if (await condition()) return true;
    await systemClock.sleep(20);
  }
  return false;
}
