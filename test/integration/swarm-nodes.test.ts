import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { TransferView } from '../../src/job/model/transfer-view.ts';
import { freeUdpPort } from '../support/free-port.ts';
import { Link } from '../support/link.ts';
import { makeMembers } from '../support/membership.ts';
import { loopbackConfig, makeHome, type NodeHome, NodeProcess } from '../support/node-process.ts';
import { PATIENCE } from '../support/office.ts';
import { linkTo, metalinkOf } from '../support/origin-metalink.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { PseudoRandomFile } from '../support/pseudo-random-file.ts';
import { tempDir } from '../support/temp-dir.ts';
import { watchEvents } from '../support/watch-events.ts';

const MIB = 1024 * 1024;
const NODES = 5;
const BAD_SENDER = join(import.meta.dirname, '..', 'support', 'bad-sender.ts');
/** Slow enough that nobody has the whole file before the last has begun. */
const LINK = 8 * MIB;
/** Four and eight parts of 4 MiB that one node each fetches from the origin: in the larger file every node has its part. */
const SIZE = 16 * MIB + 4321;
const LARGE = 32 * MIB;

/** A file at the origin, and what became of it there. */
interface OfficeFile {
  readonly url: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Bytes that left the origin, in sizes of the file. */
  originShare(): number;
}

let origin: OriginServer;
let config: ConfigInput;
const stack = new AsyncDisposableStack();
const homes: NodeHome[] = [];
const nodes: NodeProcess[] = [];
let files = 0;

/** A file that nobody has; with an anchor the origin names the digests of its pieces. */
async function newFile({ isAnchored, size = SIZE }: { isAnchored: boolean; size?: number }): Promise<OfficeFile> {
  const name = `file${++files}.bin`;
  const content = new PseudoRandomFile({ size, seed: name });
  const path = `/${name}`;
  if (isAnchored) origin.serve(`${path}.meta4`, { content: bytesContent(metalinkOf(content)) });
  const headers = isAnchored ? { link: linkTo(`${path}.meta4`) } : {};
  return {
    url: origin.serve(path, { content, headers }),
    name,
    size: content.size,
    sha256: await content.sha256(),
    originShare: () => origin.statsOf(path).bytesSent / content.size,
  };
}

/** Lets a node begin with the file, and returns the id of the transfer. */
async function begin({ client, home }: NodeProcess, { url, name }: OfficeFile): Promise<string> {
  return (await client.transfers.start({ url, destination: join(home.dir, name) })).id;
}

/** Waits until it has the file, and makes sure that it is the right one. */
async function expectRight({ client, home }: NodeProcess, id: string, file: OfficeFile): Promise<TransferView> {
  const view = await client.transfers.settled(id);
  expect(view).toMatchObject({ state: 'completed', error: null });
  // What was wrong, or came twice at the end, counts too.
  expect(view.bytesFromPeers + view.bytesFromOrigin).toBeGreaterThanOrEqual(file.size);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(home.dir, file.name))) hash.update(chunk as Buffer);
  expect(hash.digest('hex')).toBe(file.sha256);
  return view;
}

async function fetchOnAll(all: readonly NodeProcess[], file: OfficeFile): Promise<TransferView[]> {
  const ids = await Promise.all(all.map((node) => begin(node, file)));
  return await Promise.all(all.map((node, index) => expectRight(node, ids[index] as string, file)));
}

/** Waits until each knows all others. */
async function findEachOther(all: readonly NodeProcess[]): Promise<void> {
  for (const { client, ready } of all) {
    const others = all.map((node) => node.ready.nodeId).filter((nodeId) => nodeId !== ready.nodeId);
    await vi.waitFor(async () => {
      const known = (await client.peers()).filter(({ available }) => available).map(({ nodeId }) => nodeId);
      expect(known).toEqual(expect.arrayContaining(others));
    }, PATIENCE);
  }
}

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('a file that all nodes of a subnet want at once', () => {
  beforeAll(async () => {
    const dir = stack.use(await tempDir());
    origin = stack.use(await OriginServer.start({ link: new Link(LINK) }));
    config = loopbackConfig(await freeUdpPort(), { origin: { proxy: 'none' } });
    for (let index = 0; index <= NODES; index++) homes.push(await makeHome(join(dir.path, `node${index}`), config));
    await makeMembers('office', homes);
    nodes.push(...(await Promise.all(homes.slice(0, NODES).map((home) => NodeProcess.start(home)))));
    for (const node of nodes) stack.use(node);
    await findEachOther(nodes);
  });
  afterAll(() => stack.disposeAsync());

  it('leaves the origin once, when its pieces can be proven', async () => {
    const file = await newFile({ isAnchored: true });
    const views = await fetchOnAll(nodes, file);
    expect(file.originShare()).toBeLessThanOrEqual(1.05);
    // Everybody had a part in it.
    for (const view of views) expect(view.bytesFromPeers).toBeGreaterThan(0);
  });

  it('can be seen: what is fetched together, how much of it went from one to the other, and by whom', async () => {
    const file = await newFile({ isAnchored: true });
    const [first] = nodes as [NodeProcess];
    const ids = await Promise.all(nodes.map((node) => begin(node, file)));
    const shown = async () => (await first.client.swarms()).find(({ url }) => url === file.url);
    await expect.poll(async () => (await shown())?.partners.length, { ...PATIENCE, interval: 5 }).toBeGreaterThan(0);
    await Promise.all(nodes.map((node, index) => expectRight(node, ids[index] as string, file)));
    expect(await shown()).toMatchObject({ state: 'giving', anchored: true, bytes: file.size, fromOrigin: null });
    expect((await first.client.status()).swarms).toMatchObject({ on: true, reason: null });
    // Sums are told once a second.
    const taken = async () => (await first.client.status()).totals.bytesTakenFromSwarms;
    await expect.poll(taken, PATIENCE).toBeGreaterThan(0);
    const done = (await first.client.transfers.trace(ids[0] as string)).find(({ code }) => code === 'SWARM_DONE');
    expect(done?.text).toMatch(/ from neighbours \(.* from 12D3KooW/);
  });

  it('leaves the origin once, when only the whole of it can be proven', async () => {
    const file = await newFile({ isAnchored: false });
    await fetchOnAll(nodes, file);
    expect(file.originShare()).toBeLessThanOrEqual(1.1);
  });

  it('reaches everybody although one sends wrong bytes, and all of them ban it', async () => {
    await using bad = await NodeProcess.start(homes[NODES] as NodeHome, { program: BAD_SENDER });
    await findEachOther([...nodes, bad]);
    await using watches = new AsyncDisposableStack();
    const banning = new Set<NodeProcess>();
    for (const node of nodes) {
      const watching = watchEvents(node.client, (event) => {
        if (event.type === 'swarm.banned' && event.nodeId === bad.ready.nodeId) banning.add(node);
      });
      watches.use(await watching);
    }
    const file = await newFile({ isAnchored: true, size: LARGE });
    await fetchOnAll([...nodes, bad], file);
    expect(file.originShare()).toBeLessThanOrEqual(1.25);
    await expect.poll(() => banning.size, PATIENCE).toBe(NODES);
  });

  it('reaches everybody when the one that had it for long is killed while it gives', async () => {
    const file = await newFile({ isAnchored: true });
    const { dir } = homes[NODES] as NodeHome;
    const home = await makeHome(dir, { ...config, swarm: { bandwidth: '8MiB/s' } });
    {
      await using before = await NodeProcess.start(home);
      await expectRight(before, await begin(before, file), file);
    }
    // Now it knows nothing but the record in its cache.
    await using holder = await NodeProcess.start(home);
    await findEachOther([...nodes, holder]);
    const ids = await Promise.all(nodes.map((node) => begin(node, file)));
    const received = async () => {
      const views = await Promise.all(nodes.map(({ client }, at) => client.transfers.get(ids[at] as string)));
      return views.reduce((sum, { bytesFromPeers }) => sum + bytesFromPeers, 0);
    };
    await expect.poll(received, { ...PATIENCE, interval: 5 }).toBeGreaterThan(2 * MIB);
    await holder.kill();
    await Promise.all(nodes.map((node, index) => expectRight(node, ids[index] as string, file)));
    // Once for the holder.
    expect(file.originShare()).toBeLessThanOrEqual(2.25);
  });

  it('reaches everybody else when one is killed in the middle of it', async () => {
    const file = await newFile({ isAnchored: true });
    const [victim, ...others] = nodes as [NodeProcess, ...NodeProcess[]];
    const [lost, ...ids] = await Promise.all(nodes.map((node) => begin(node, file)));
    const received = async () => (await victim.client.transfers.get(lost as string)).bytesDone;
    await expect.poll(received, { ...PATIENCE, interval: 5 }).toBeGreaterThan(file.size / 2);
    await victim.kill();
    await Promise.all(others.map((node, index) => expectRight(node, ids[index] as string, file)));
    expect(file.originShare()).toBeLessThanOrEqual(1.25);
  });
});
