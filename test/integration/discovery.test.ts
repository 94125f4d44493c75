import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { parseContentId } from '../../src/core/ids.ts';
import type { NodeEventBody } from '../../src/observe/events.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { encodeDatagram, newMessageId } from '../../src/peer/discovery/datagram.ts';
import type { Discovery } from '../../src/peer/discovery/discovery.ts';
import { chooseInterfaces, type LanInterface } from '../../src/peer/discovery/interfaces.ts';
import { type StartDiscoveryOptions, startDiscovery } from '../../src/peer/discovery/start.ts';
import { UdpPort } from '../../src/peer/discovery/udp-port.ts';
import { Roster } from '../../src/peer/roster.ts';
import { freeUdpPort } from '../support/free-port.ts';
import { testNodeId } from '../support/node-ids.ts';

const LOOPBACK = '127.255.255.255';
const TAG = new Uint8Array(16).fill(1);
const FOREIGN_TAG = new Uint8Array(16).fill(2);
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface NodeChanges extends Partial<StartDiscoveryOptions> {
  readonly tag?: Uint8Array;
}

async function startNode(index: number, port: number, changes: NodeChanges = {}) {
  const events: NodeEventBody[] = [];
  const emit = (event: NodeEventBody) => void events.push(event);
  const roster = await Roster.open({ table: null, clock: systemClock, log: silentLogger, emit });
  const nodeId = testNodeId(index);
  const deps = { nodeId, domainTag: changes.tag ?? TAG, roster, log: silentLogger, emit };
  const network = { tcpPort: () => 20_000 + index, listenAddresses: () => [], connectHint: () => {} };
  const interests: string[] = [];
  const onInterest = (contentId: string, nodeId: string, host: string, port: number) =>
    void interests.push(`${contentId} ${nodeId} ${host} ${port}`);
  const options = { datagrams: true, mdns: false, port, interfaces: ['127.0.0.1'], staticPeers: [], ...changes };
  const discovery: Discovery = await startDiscovery({ ...deps, ...network, onInterest }, options);
  stops.push(() => discovery.stop());
  const knows = () =>
    roster
      .entries()
      .map((entry) => entry.nodeId)
      .sort();
  const sent = (message: string) =>
    events.filter((event) => event.type === 'discovery.sent' && event.message === message).length;
  return { discovery, roster, events, interests, knows, sent };
}

async function openSender() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.setBroadcast(true);
  stops.push(async () => void socket.close());
  return async (bytes: Uint8Array, port: number) => {
    const sent = Promise.withResolvers<void>();
    socket.send(bytes, port, LOOPBACK, (error) => (error === null ? sent.resolve() : sent.reject(error)));
    await sent.promise;
    // Lets the receiver in the same process read; else the kernel's buffer runs over.
    await setImmediate();
  };
}

const hexOf = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
const idsOf = (...indexes: number[]) => indexes.map(testNodeId).sort();
const patience = { timeout: 15_000, interval: 20 };

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('discovery over UDP on loopback', () => {
  it('lets nodes of one domain find each other, and says what each is reached by', async () => {
    const port = await freeUdpPort();
    const nodes = [await startNode(1, port), await startNode(2, port), await startNode(3, port)];
    await expect
      .poll(() => nodes.map((node) => node.knows()), patience)
      .toEqual([idsOf(2, 3), idsOf(1, 3), idsOf(1, 2)]);
    expect(nodes[0]?.roster.get(testNodeId(3))?.addresses).toMatchObject([{ host: '127.0.0.1', port: 20_003 }]);
    expect(nodes[0]?.discovery.status().dropped.own).toBeGreaterThan(0);
  });

  it('finds those that were there before when asked to', async () => {
    const port = await freeUdpPort();
    const [first, second] = [await startNode(1, port), await startNode(2, port)];
    const newcomer = await startNode(3, port);
    void newcomer.discovery.discover(new AbortController().signal);
    await expect.poll(newcomer.knows, patience).toEqual(idsOf(1, 2));
    expect((first?.sent('probe-match') ?? 0) + (second?.sent('probe-match') ?? 0)).toBeGreaterThanOrEqual(2);
  });

  it('notices that a peer restarted', async () => {
    const port = await freeUdpPort();
    const watcher = await startNode(1, port);
    const before = await startNode(2, port);
    await expect.poll(watcher.knows, patience).toEqual(idsOf(2));
    await before.discovery.stop();
    watcher.roster.failed(testNodeId(2), 'E_PEER_UNREACHABLE');
    expect(watcher.roster.usable()).toEqual([]);
    await startNode(2, port);
    await expect.poll(() => watcher.roster.usable().map((entry) => entry.nodeId), patience).toEqual(idsOf(2));
  });

  it('tells everybody of the domain who wants a content, and where that node is', async () => {
    const port = await freeUdpPort();
    const [first, second] = [await startNode(1, port), await startNode(2, port)];
    const foreign = await startNode(4, port, { tag: FOREIGN_TAG });
    await expect.poll(first.knows, patience).toEqual(idsOf(2));
    const contentId = parseContentId('c0'.repeat(32));
    expect(first.discovery.tellInterest(contentId)).toBe(true);
    // The newcomer heard no Hello of the first node: the interest is what makes it known.
    const newcomer = await startNode(3, port, { wantedPeers: 0 });
    first.discovery.tellInterest(contentId);
    const told = `${contentId} ${testNodeId(1)} 127.0.0.1 20001`;
    await expect.poll(() => second.interests, patience).toEqual([told, told]);
    await expect.poll(() => newcomer.interests, patience).toEqual([told]);
    expect(newcomer.roster.get(testNodeId(1))?.addresses).toMatchObject([{ host: '127.0.0.1', port: 20_001 }]);
    await expect.poll(() => foreign.discovery.status().dropped.foreign ?? 0, patience).toBeGreaterThan(2);
    expect([first.interests, foreign.interests]).toEqual([[], []]);
  });

  it('stays silent towards another domain', async () => {
    const port = await freeUdpPort();
    const foreign = await startNode(1, port, { tag: FOREIGN_TAG });
    const ours = [await startNode(2, port), await startNode(3, port)];
    await expect.poll(() => ours.map((node) => node.knows()), patience).toEqual([idsOf(3), idsOf(2)]);
    await expect.poll(() => foreign.discovery.status().dropped.foreign ?? 0, patience).toBeGreaterThan(1);
    expect(foreign.knows()).toEqual([]);
    expect(foreign.sent('probe-match')).toBe(0);
  });

  it('survives a flood of garbage and forgeries, within its limits', async () => {
    const port = await freeUdpPort();
    const node = await startNode(1, port);
    const send = await openSender();
    const hello = (index: number, messageId = newMessageId()) =>
      encodeDatagram({ kind: 'hello', messageId, sender: { nodeId: testNodeId(index), port: 1, instance: 1 } }, TAG);
    const repeated = hello(50, newMessageId());
    await send(repeated, port);
    await send(repeated, port);
    await send(new Uint8Array(513), port);
    await send(hello(51).subarray(0, 60), port);
    await send(new Uint8Array(0), port);
    await expect
      .poll(() => node.discovery.status().dropped, patience)
      .toMatchObject({ repeat: 1, oversized: 1, malformed: 1, version: 1 });
    for (let index = 0; index < 3_000; index++) {
      await send(index % 2 === 0 ? hello(1_000 + index) : crypto.getRandomValues(new Uint8Array(200)), port);
    }
    await expect.poll(() => node.discovery.status().dropped.rate ?? 0, patience).toBeGreaterThan(500);
    expect(node.roster.size).toBeLessThanOrEqual(100);
    expect(node.events.filter((event) => event.type === 'discovery.failed')).toEqual([]);
  });

  it('hears a new peer again after a flood', async () => {
    const port = await freeUdpPort();
    const node = await startNode(1, port);
    const send = await openSender();
    for (let index = 0; index < 1_000; index++) await send(crypto.getRandomValues(new Uint8Array(100)), port);
    await expect.poll(() => node.discovery.status().dropped.rate ?? 0, patience).toBeGreaterThan(0);
    const newcomer = await startNode(2, port);
    void newcomer.discovery.discover(new AbortController().signal);
    await expect.poll(node.knows, patience).toEqual(idsOf(2));
  });

  it('opens no socket for what is switched off', async () => {
    const port = await freeUdpPort();
    const listens = async () => (await readFile('/proc/net/udp', 'utf8')).includes(`:${hexOf(port)} `);
    const silent = await startNode(1, port, { datagrams: false });
    expect(await listens()).toBe(false);
    expect(silent.discovery.status()).toMatchObject({ datagrams: 'off', mdns: 'off' });
    await startNode(2, port);
    expect(await listens()).toBe(true);
  });
});

describe.skipIf(process.platform !== 'linux')('a UDP port', () => {
  const loopback = chooseInterfaces(networkInterfaces(), ['127.0.0.1'])[0] as LanInterface;
  // TEST-NET-1 (RFC 5737): no machine has it.
  const absent: LanInterface = {
    name: 'gone0',
    address: '192.0.2.1',
    broadcast: '192.0.2.255',
    network: 0xc0000200,
    mask: 0xffffff00,
  };

  async function openPort() {
    const events: NodeEventBody[] = [];
    const udp = new UdpPort(
      { log: silentLogger, emit: (event) => void events.push(event) },
      { port: await freeUdpPort() },
    );
    stops.push(() => udp.close());
    return { udp, events };
  }

  it('works on the other interfaces when one fails, and tells about it once', async () => {
    const { udp, events } = await openPort();
    const heard: string[] = [];
    const receive = (bytes: Uint8Array, source: string, lan: LanInterface) =>
      void heard.push(`${Buffer.from(bytes)} ${source} ${lan.name}`);
    expect(await udp.listen([absent, loopback], receive)).toEqual([loopback]);
    expect(await udp.listen([absent, loopback], receive)).toEqual([loopback]);
    expect(events.map((event) => event.type)).toEqual(['discovery.failed']);
    udp.broadcast(absent, Buffer.from('nobody'));
    udp.broadcast(loopback, Buffer.from('hello'));
    await expect.poll(() => heard, patience).toEqual([`hello 127.0.0.1 ${loopback.name}`]);
  });

  it('follows the interfaces it is given', async () => {
    const { udp } = await openPort();
    let heard = 0;
    const receive = () => {
      heard++;
    };
    for (let round = 1; round <= 3; round++) {
      expect(await udp.listen([loopback], receive)).toEqual([loopback]);
      udp.broadcast(loopback, Buffer.from('hello'));
      await expect.poll(() => heard, patience).toBe(round);
      expect(await udp.listen([], receive)).toEqual([]);
    }
    await udp.close();
    await udp.close();
  });
});
