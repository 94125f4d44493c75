import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type ContentId, type NodeId, parseContentId } from '../../../../src/core/ids.ts';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { seededRandom } from '../../../../src/core/random.ts';
import type { NodeEventBody } from '../../../../src/observe/events.ts';
import { silentLogger } from '../../../../src/observe/log.ts';
import { Discovery, type DiscoveryOptions } from '../../../../src/peer/discovery/discovery.ts';
import type { MachineInterfaces } from '../../../../src/peer/discovery/interfaces.ts';
import type { DiscoveryHint, MdnsListener } from '../../../../src/peer/discovery/seams.ts';
import { Roster } from '../../../../src/peer/roster.ts';
import { type LanRules, SimulatedLan } from '../../../support/discovery/simulated-lan.ts';
import { WIRED } from '../../../support/discovery/simulated-subnet.ts';
import { testNodeId } from '../../../support/node-ids.ts';

const MINUTE = 60_000;
const running: Discovery[] = [];

afterEach(async () => {
  for (const discovery of running.splice(0)) await discovery.stop();
});

interface Lab {
  readonly clock: ManualClock;
  readonly lan: SimulatedLan;
}

function createLab(rules: Partial<LanRules> = {}): Lab {
  const clock = new ManualClock();
  return { clock, lan: new SimulatedLan({ clock, random: seededRandom(1) }, { ...WIRED, ...rules }) };
}

interface Changes {
  readonly options?: Partial<DiscoveryOptions>;
  readonly tag?: number;
  readonly mdns?: boolean;
  readonly interfaces?: () => MachineInterfaces;
  readonly resolve?: (host: string) => Promise<string[]>;
}

async function startNode({ clock, lan }: Lab, index: number, changes: Changes = {}) {
  const events: NodeEventBody[] = [];
  const hints: DiscoveryHint[] = [];
  const shared = { clock, log: silentLogger, emit: (event: NodeEventBody) => void events.push(event) };
  const roster = await Roster.open({ table: null, ...shared });
  const nodeId = testNodeId(index);
  const station = lan.station(index, nodeId);
  const listeners: MdnsListener[] = [];
  const openMdns = (listener: MdnsListener) => {
    listeners.push(listener);
    return station.openMdns(listener);
  };
  const onHint = (hint: DiscoveryHint) => {
    hints.push(hint);
    if (hint.nodeId !== null) roster.hint({ ...hint, nodeId: hint.nodeId });
  };
  const interests: [ContentId, NodeId, string, number][] = [];
  const domainTag = new Uint8Array(16).fill(changes.tag ?? 1);
  const deps = {
    self: { nodeId, instance: index + 1, domainTag, tcpPort: () => 21_780 },
    port: station.port,
    onInterest: (...interest: [ContentId, NodeId, string, number]) => void interests.push(interest),
    openMdns: changes.mdns === false ? null : openMdns,
    networkInterfaces: changes.interfaces ?? station.networkInterfaces,
    resolve: changes.resolve ?? (async () => []),
    random: seededRandom(index),
  };
  const options = { interfaces: 'all', staticPeers: [], ...changes.options } as const;
  const discovery = await Discovery.start({ ...deps, ...shared, roster, onHint }, options);
  running.push(discovery);
  const sent = (message: string) =>
    events.filter((event) => event.type === 'discovery.sent' && event.message === message).length;
  const knows = () => roster.entries().map((entry) => entry.nodeId);
  return { discovery, roster, hints, interests, events, sent, knows, listeners, host: station.host };
}

async function pass({ clock }: Lab, ms: number): Promise<void> {
  const endMs = clock.monotonicMs() + ms;
  for (;;) {
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    const nextMs = clock.nextTimerInMs();
    if (nextMs === null || clock.monotonicMs() + nextMs > endMs) break;
    clock.advance(nextMs);
  }
  clock.advance(endMs - clock.monotonicMs());
}

describe('at start', () => {
  it('says Hello once, asks mDNS once, and probes only after listening for a while', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1);
    await pass(lab, 1_000);
    expect([node.sent('hello'), node.sent('probe'), node.sent('mdns')]).toEqual([1, 0, 2]);
    await pass(lab, 2_500);
    // Nobody answered the first Probe: it may have been lost.
    expect([node.sent('hello'), node.sent('probe')]).toEqual([1, 2]);
  });

  it('probes once where somebody answers', async () => {
    const lab = createLab({ mdns: false });
    const first = await startNode(lab, 1);
    await pass(lab, 20 * 1_000);
    const second = await startNode(lab, 2);
    await pass(lab, 10_000);
    expect(second.sent('probe')).toBe(1);
    expect(first.sent('probe-match')).toBe(1);
    expect(second.roster.entries()[0]).toMatchObject({
      nodeId: testNodeId(1),
      instance: 2,
      addresses: [{ host: first.host }],
    });
    expect(first.knows()).toEqual([testNodeId(2)]);
  });

  it('does not probe when it knows enough peers', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1, { options: { wantedPeers: 2 } });
    await startNode(lab, 2);
    await startNode(lab, 3);
    await pass(lab, 60 * MINUTE);
    expect(node.sent('probe')).toBe(0);
  });
});

describe('foreign nodes', () => {
  it('of another domain are neither learnt nor answered', async () => {
    const lab = createLab({ mdns: false });
    const ours = await startNode(lab, 1);
    const foreign = await startNode(lab, 2, { tag: 9 });
    await pass(lab, 30_000);
    expect([ours.knows(), foreign.knows()]).toEqual([[], []]);
    expect(ours.sent('probe-match') + foreign.sent('probe-match')).toBe(0);
    expect(ours.discovery.status().dropped.foreign).toBeGreaterThan(0);
  });

  it('that tell addresses of other subnets by mDNS are dropped', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1);
    node.listeners[0]?.found(testNodeId(7), [
      { host: '192.168.1.1', port: 1 },
      { host: '10.0.9.9', port: 2 },
    ]);
    expect(node.hints).toEqual([{ nodeId: testNodeId(7), host: '10.0.9.9', port: 2, via: 'mdns' }]);
  });
});

describe('an interest', () => {
  const wanted = parseContentId('ab'.repeat(32));

  it('reaches everybody on the subnet, with where its sender can be reached', async () => {
    const lab = createLab({ mdns: false });
    const nodes = [await startNode(lab, 1), await startNode(lab, 2), await startNode(lab, 3)] as const;
    await pass(lab, 1_000);
    expect(nodes[0].discovery.tellInterest(wanted)).toBe(true);
    await pass(lab, 10);
    const told = [wanted, testNodeId(1), nodes[0].host, 21_780];
    expect(nodes.map(({ interests }) => interests)).toEqual([[], [told], [told]]);
    expect(nodes[0].sent('interest')).toBe(1);
  });

  it('makes its sender known as any other datagram does', async () => {
    const lab = createLab({ mdns: false });
    const late = await startNode(lab, 1, { options: { wantedPeers: 0 } });
    await pass(lab, MINUTE);
    const node = await startNode(lab, 2, { options: { wantedPeers: 0 } });
    late.discovery.tellInterest(wanted);
    await pass(lab, 10);
    expect(node.hints).toMatchObject([{ nodeId: testNodeId(1), host: late.host, via: 'interest', instance: 2 }]);
    expect(node.knows()).toEqual([testNodeId(1)]);
  });

  it('of another domain is not heard', async () => {
    const lab = createLab({ mdns: false });
    const ours = await startNode(lab, 1);
    const foreign = await startNode(lab, 2, { tag: 9 });
    foreign.discovery.tellInterest(wanted);
    await pass(lab, 10);
    expect([ours.interests, ours.knows()]).toEqual([[], []]);
  });

  it('is said to reach nobody while no other node was heard', async () => {
    const filtered = createLab({ broadcast: false });
    const [alone, other] = [await startNode(filtered, 1), await startNode(filtered, 2)];
    await pass(filtered, 10_000);
    expect(alone.knows()).toEqual([testNodeId(2)]);
    expect(alone.discovery.tellInterest(wanted)).toBe(false);
    await pass(filtered, 10);
    expect([alone.sent('interest'), other.interests]).toEqual([1, []]);
  });

  it('reaches nobody without an interface, after the subnet was left, and when discovery has stopped', async () => {
    const lab = createLab({ mdns: false });
    const subnet = lab.lan.station(9, testNodeId(9)).networkInterfaces();
    let machine: MachineInterfaces = {};
    const node = await startNode(lab, 1, { interfaces: () => machine });
    await startNode(lab, 2);
    expect(node.discovery.tellInterest(wanted)).toBe(false);
    machine = subnet;
    await pass(lab, MINUTE);
    expect(node.discovery.tellInterest(wanted)).toBe(true);
    machine = {};
    await pass(lab, MINUTE);
    expect([node.discovery.tellInterest(wanted), node.sent('interest')]).toEqual([false, 1]);
    machine = subnet;
    await pass(lab, MINUTE);
    await node.discovery.stop();
    expect([node.discovery.tellInterest(wanted), node.sent('interest')]).toEqual([false, 1]);
  });

  it('is left out when there are more of them than others would take from one source', async () => {
    const lab = createLab({ mdns: false });
    const node = await startNode(lab, 1);
    const other = await startNode(lab, 2);
    await pass(lab, 1_000);
    const tell = () => node.discovery.tellInterest(wanted);
    expect(Array.from({ length: 300 }, tell)).not.toContain(false);
    await pass(lab, 10);
    expect([node.sent('interest'), other.interests.length, other.discovery.status().dropped.rate]).toEqual([
      64,
      64,
      undefined,
    ]);
    await pass(lab, 1_000);
    tell();
    expect(node.sent('interest')).toBe(65);
  });
});

describe('a discovery that is asked for', () => {
  it('is held at once, then suppressed for ten minutes, and again possible when the suppression is lifted', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1);
    const never = new AbortController().signal;
    const first = node.discovery.discover(never);
    const joined = node.discovery.discover(never);
    await pass(lab, 10_000);
    expect(await first).toEqual({ started: true, suppressedForMs: 0 });
    expect(await joined).toEqual({ started: true, suppressedForMs: 0 });
    const probes = node.sent('probe');
    expect(await node.discovery.discover(never)).toEqual({ started: false, suppressedForMs: 10 * MINUTE - 10_000 });
    expect(node.sent('probe')).toBe(probes);
    node.discovery.liftSuppression();
    const lifted = node.discovery.discover(never);
    await pass(lab, 10_000);
    expect((await lifted).started).toBe(true);
  });

  it('stops waiting when the signal aborts', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1);
    const stop = new AbortController();
    const waiting = node.discovery.discover(stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(node.discovery.discover(stop.signal)).rejects.toThrow('enough');
  });

  it('ends when discovery is stopped', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1);
    const waiting = node.discovery.discover(new AbortController().signal);
    await node.discovery.stop();
    expect((await waiting).started).toBe(true);
    expect(lab.clock.nextTimerInMs() ?? 1_000).toBeLessThan(10);
  });
});

describe('interfaces', () => {
  const lan = (host: string, name = 'eth0'): MachineInterfaces => ({
    [name]: [
      { family: 'IPv4', internal: false, mac: '02:00:00:00:00:01', cidr: null, address: host, netmask: '255.255.0.0' },
    ],
  });

  it('that come are greeted and probed, those that return soon are not greeted again', async () => {
    const lab = createLab({ mdns: false });
    let machine: MachineInterfaces = {};
    const node = await startNode(lab, 1, { interfaces: () => machine });
    await pass(lab, MINUTE);
    expect(node.sent('hello')).toBe(0);
    machine = lan('10.0.0.2');
    await pass(lab, MINUTE);
    expect(node.sent('hello')).toBe(1);
    machine = {};
    await pass(lab, MINUTE);
    expect(node.discovery.status().interfaces).toEqual([]);
    machine = lan('10.0.0.2');
    await pass(lab, MINUTE);
    expect(node.sent('hello')).toBe(1);
    machine = lan('10.0.0.99');
    await pass(lab, MINUTE);
    expect(node.sent('hello')).toBe(2);
  });

  it('that return with the same address make mDNS join again, at most once a minute', async () => {
    const lab = createLab();
    let machine = lan('10.0.0.2');
    const options = { wantedPeers: 0 };
    const node = await startNode(lab, 1, { interfaces: () => machine, options });
    await pass(lab, 1_000);
    const questions = () => node.sent('mdns') / 2;
    expect(questions()).toBe(1);
    machine = lan('10.0.0.2', 'eth1');
    await pass(lab, 30_000);
    expect(questions()).toBe(1);
    await pass(lab, MINUTE);
    expect(questions()).toBe(2);
    await pass(lab, 60 * MINUTE);
    expect(questions()).toBe(2);
  });

  it('decide which peers are usable: those of a subnet we left are kept for our return', async () => {
    const lab = createLab();
    let machine = lan('10.0.0.2');
    const node = await startNode(lab, 1, { interfaces: () => machine });
    await startNode(lab, 2);
    await pass(lab, 10_000);
    expect(node.roster.countUsable()).toBe(1);
    machine = lan('172.16.0.2');
    await pass(lab, MINUTE);
    expect([node.roster.countUsable(), node.roster.size]).toEqual([0, 1]);
    machine = lan('10.0.0.2');
    await pass(lab, MINUTE);
    expect(node.roster.countUsable()).toBe(1);
  });

  it('that were chosen keep mDNS off, since it cannot be held to them', async () => {
    const lab = createLab();
    const node = await startNode(lab, 1, { options: { interfaces: ['eth0', 'eth7'] } });
    expect(node.discovery.status()).toMatchObject({ mdns: 'restricted', datagrams: 'on', missing: ['eth7'] });
    expect([node.sent('mdns'), node.listeners.length]).toEqual([0, 0]);
  });
});

describe('static peers', () => {
  const named = { host: 'cache.example', port: 5, nodeId: testNodeId(8) };
  const unknown = { host: '10.7.0.1', port: 6, nodeId: null };

  it('are told at start and every ten minutes, names resolved each time, but never ourselves', async () => {
    const lab = createLab();
    let asked = 0;
    const resolve = async () => [`10.7.0.${++asked + 1}`, 'not an address'];
    const staticPeers = [named, unknown, { host: '10.7.0.9', port: 7, nodeId: testNodeId(1) }];
    const node = await startNode(lab, 1, { options: { staticPeers }, resolve });
    await pass(lab, 1_000);
    expect(node.hints).toEqual([
      { nodeId: null, host: '10.7.0.1', port: 6, via: 'static' },
      { nodeId: testNodeId(8), host: '10.7.0.2', port: 5, via: 'static' },
    ]);
    await pass(lab, 21 * MINUTE);
    expect(asked).toBe(3);
    expect(node.roster.usable().map((entry) => entry.nodeId)).toEqual([testNodeId(8)]);
  });

  it('whose names do not resolve are tried again and stop nothing', async () => {
    const lab = createLab();
    let fails = true;
    const resolve = async () => {
      if (fails) throw new Error('no such name');
      return ['10.7.0.2'];
    };
    const node = await startNode(lab, 1, { options: { staticPeers: [named, unknown] }, resolve });
    await pass(lab, 1_000);
    expect(node.hints.map((hint) => hint.host)).toEqual(['10.7.0.1']);
    fails = false;
    await pass(lab, 11 * MINUTE);
    expect(node.hints.map((hint) => hint.host)).toContain('10.7.0.2');
  });
});

it('goes on when the machine cannot tell its interfaces for a moment', async () => {
  const lab = createLab();
  let fails = true;
  const interfaces = () => {
    if (fails) throw new Error('no interfaces');
    return {};
  };
  const node = await startNode(lab, 1, { interfaces });
  expect(node.events).toContainEqual({ type: 'discovery.failed', message: 'no interfaces' });
  fails = false;
  await pass(lab, MINUTE);
  expect(node.events.filter((event) => event.type === 'discovery.failed')).toHaveLength(1);
});
