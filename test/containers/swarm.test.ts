import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeInContainers, Lab } from './support/lab.ts';
import type { Download, NodeMachine } from './support/node-machine.ts';
import type { OriginFile, OriginMachine } from './support/origin-machine.ts';

const NODES = 6;
/** Slow enough that nobody has the whole file before the last has begun. */
const LINK = '40mbit';
const SIZE = '32MiB';
/** What one node fetches for all at a time is 4 MiB, so that one bad turn weighs less here. */
const LARGE = '64MiB';

/** Every machine asks for the file at the same moment. */
function fetchOnAll(nodes: readonly NodeMachine[], file: OriginFile): Promise<Download[]> {
  return Promise.all(nodes.map((node) => node.download(file)));
}

/** The file has arrived whole. What was wrong, or came twice at the end, counts too. */
function expectRight(download: Download, file: OriginFile): void {
  expect(download.fileSha256).toBe(file.sha256);
  expect(download.state).toBe('completed');
  const { bytesFromPeers, bytesFromOrigin, bytesFromCache } = download;
  expect(bytesFromPeers + bytesFromOrigin + bytesFromCache).toBeGreaterThanOrEqual(file.size);
}

/** What one node fetches from the origin in one go. */
const RUN = 4 * 1024 * 1024;

describeInContainers('a file that a whole office wants at once', () => {
  let lab: Lab;
  let origin: OriginMachine;
  const stack = new AsyncDisposableStack();
  const nodes: NodeMachine[] = [];

  beforeAll(async () => {
    lab = stack.use(await Lab.open('swarm'));
    origin = await lab.slowOrigin(LINK);
    // As they come: nobody is told of anybody, and every limit is that of an ordinary office.
    for (let index = 0; index < NODES; index++) nodes.push(stack.use(await lab.node(`node${index}`)));
    await findEachOther(nodes);
  });
  afterAll(() => stack.disposeAsync());

  async function findEachOther(all: readonly NodeMachine[]): Promise<void> {
    const ids = await Promise.all(all.map(async (node) => (await node.status()).nodeId));
    await Promise.all(all.map((node, index) => node.knows(ids.toSpliced(index, 1))));
  }

  /** What the origin sent since it was asked to count anew, in sizes of the file. */
  async function originShare(file: OriginFile): Promise<number> {
    return (await origin.bytesSent()) / file.size;
  }

  it('comes from the origin once, when its pieces can be proven', async () => {
    const file = await origin.newAnchoredFile(SIZE);
    await origin.resetCount();
    for (const download of await fetchOnAll(nodes, file)) expectRight(download, file);
    expect(await originShare(file)).toBeLessThanOrEqual(1.05);
  });

  it('comes from the origin once, when only the whole of it can be proven', async () => {
    const file = await origin.newFile(SIZE);
    await origin.resetCount();
    for (const download of await fetchOnAll(nodes, file)) expectRight(download, file);
    expect(await originShare(file)).toBeLessThanOrEqual(1.1);
  });

  it('reaches everybody although one sends wrong bytes, and all of them ban it', async () => {
    await using bad = await lab.node('bad', { sendsBadBytes: true });
    const all = [...nodes, bad];
    await findEachOther(all);
    const { nodeId } = await bad.status();
    // It has just started: of a first file the others, who are faster, may leave nothing for it to fetch and to give.
    for (let fetched = 0, round = 0; fetched < RUN; round++) {
      expect(round).toBeLessThan(4);
      const file = await origin.newAnchoredFile(LARGE);
      await origin.resetCount();
      const downloads = await fetchOnAll(all, file);
      for (const download of downloads) expectRight(download, file);
      expect(await originShare(file)).toBeLessThanOrEqual(1.25);
      fetched = downloads.at(-1)?.bytesFromOrigin ?? 0;
      // Who was done before anybody noticed has no note of it, but hears it all the same.
      if (fetched >= RUN) await Promise.all(nodes.map((node) => node.bans(nodeId, file)));
    }
  });

  it('reaches everybody else when one dies in the middle of it, and that one when it is back', async () => {
    const file = await origin.newAnchoredFile(LARGE);
    await origin.resetCount();
    const [victim, ...others] = nodes as [NodeMachine, ...NodeMachine[]];
    const before = (await victim.wire()).receivedBytes;
    const lost = victim.download(file).catch(() => null);
    const fetching = fetchOnAll(others, file);
    await victim.hasReceived(file.size / 2, before);
    await victim.kill();
    for (const download of await fetching) expectRight(download, file);
    expect(await lost).toBeNull();
    expect(await originShare(file)).toBeLessThanOrEqual(1.25);

    await victim.startAgain();
    await victim.finds(others[0] as NodeMachine);
    expectRight(await victim.download(file), file);
    expect(await originShare(file)).toBeLessThanOrEqual(1.25);
  });
});
