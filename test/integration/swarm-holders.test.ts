import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { revoke } from '../../src/domain/revoke.ts';
import type { TransferView } from '../../src/index.ts';
import { type DescribedFile, type DescribedFileOptions, serveDescribed } from '../support/described-file.ts';
import { Office, type OfficeNode, PATIENCE } from '../support/office.ts';
import { OriginServer } from '../support/origin-server.ts';

const MIB = 1024 * 1024;
const SIZE = 12 * MIB + 4321;
const ASKERS = 4;
/** Slow enough that a test can step in between the first byte and the last. */
const RATE = '12MiB/s';
/** They wait for what a search finds; none of them waits when it finds nobody. */
const PATIENT = { search: { patience: { background: '20s' } } } as const;
const HOLDING = { ...PATIENT, swarm: { bandwidth: RATE }, serve: { bandwidth: RATE } } as const;

const FILES: Readonly<Record<string, Omit<DescribedFileOptions, 'size'>>> = {
  proven: { isAnchored: true },
  whole: { isAnchored: false },
  'cut otherwise': { isAnchored: true, pieceSize: 300_000 },
  'removed, proven': { isAnchored: true },
  'removed, whole': { isAnchored: false },
  revoked: { isAnchored: true },
};

const stack = new AsyncDisposableStack();
let office: Office;
let origin: OriginServer;
let holder: OfficeNode;
const askers: OfficeNode[] = [];
const files = new Map<string, DescribedFile>();

/** A file that the holder has, and how much of it the origin has sent since the holder fetched it. */
function held(name: string): { file: DescribedFile; fromOrigin: () => number } {
  const file = files.get(name) as DescribedFile;
  return { file, fromOrigin: () => file.originBytes() - file.size };
}

async function findEachOther(): Promise<void> {
  for (const node of [holder, ...askers]) {
    await vi.waitFor(async () => expect(await node.knows()).toHaveLength(askers.length), PATIENCE);
  }
}

/** Lets all of them begin with a file, and returns the ids of their transfers. */
function begin({ url }: DescribedFile): Promise<string[]> {
  return Promise.all(
    askers.map(async (node) => {
      const destination = node.path('file.bin');
      return (await node.access.transfers.start({ url, destination, overwrite: true })).id;
    }),
  );
}

/** Resolves when they have got more than that many bytes from neighbours, all of them together. */
async function untilReceived(ids: readonly string[], bytes: number): Promise<void> {
  const views = () => Promise.all(ids.map((id, at) => (askers[at] as OfficeNode).access.transfers.get(id)));
  const received = async () => (await views()).reduce((sum, { bytesFromPeers }) => sum + bytesFromPeers, 0);
  await expect.poll(received, { ...PATIENCE, interval: 5 }).toBeGreaterThan(bytes);
}

/** Waits until all have the file, and makes sure that it is the right one. */
async function allHave(ids: readonly string[], { sha256 }: DescribedFile): Promise<TransferView[]> {
  const views = await Promise.all(ids.map((id, at) => (askers[at] as OfficeNode).access.transfers.settled(id)));
  for (const view of views) expect(view).toMatchObject({ state: 'completed', error: null });
  for (const asker of askers) expect(await asker.digest()).toBe(sha256);
  return views;
}

/** Bytes that a node gave to the askers, as their traces tell. */
async function givenBy({ node: { nodeId } }: OfficeNode, views: readonly TransferView[]): Promise<number> {
  let sum = 0;
  for (const [at, { id }] of views.entries()) {
    const trace = await (askers[at] as OfficeNode).access.transfers.trace(id);
    const done = trace.find(({ code }) => code === 'SWARM_DONE')?.data as { givers: Record<string, number> };
    sum += done.givers[nodeId] ?? 0;
  }
  return sum;
}

/** Bytes of pieces that a node gave to neighbours, less those that it had given `before`; told once a second. */
function givenSince(node: OfficeNode, before: number): number {
  return node.told('swarm.moved').reduce((sum, { givenBytes }) => sum + givenBytes, 0) - before;
}

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('a file that one node has had for long and four want at once', () => {
  beforeAll(async () => {
    office = stack.use(await Office.open());
    origin = stack.use(await OriginServer.start());
    holder = await office.start('holder');
    for (const [name, options] of Object.entries(FILES)) {
      const file = await serveDescribed(origin, { size: SIZE, ...options });
      files.set(name, file);
      const view = await holder.fetch(file.url, { overwrite: true });
      expect(view).toMatchObject({ state: 'completed', sharing: 'shared' });
    }
    for (let at = 0; at < ASKERS; at++) askers.push(await office.start(`asker${at}`, { config: PATIENT }));
    // All that it knows of these files from now on are the records in its cache.
    await holder.node.stop();
    holder = await office.start('holder', { config: HOLDING });
    await findEachOther();
  });
  afterAll(() => stack.disposeAsync());

  it('comes from that node and from each other, when its pieces can be proven', async () => {
    const { file, fromOrigin } = held('proven');
    const views = await allHave(await begin(file), file);
    expect(fromOrigin()).toBe(0);
    const given = await givenBy(holder, views);
    expect(given).toBeGreaterThanOrEqual(SIZE);
    // How much they have from each other depends on how busy the machine is.
    expect(given).toBeLessThan(ASKERS * SIZE - MIB);
  });

  it('comes from that node, when only the whole of it can be proven', async () => {
    const { file, fromOrigin } = held('whole');
    const views = await allHave(await begin(file), file);
    expect(fromOrigin()).toBe(0);
    expect(await givenBy(holder, views)).toBeGreaterThanOrEqual(SIZE);
  });

  it('comes from that node also where the origin describes it in other pieces than the node keeps', async () => {
    const { file, fromOrigin } = held('cut otherwise');
    const views = await allHave(await begin(file), file);
    // A busy machine takes the holder for busy: then the origin is asked for a part.
    expect(fromOrigin()).toBeLessThanOrEqual(0.5 * SIZE);
    expect(await givenBy(holder, views)).toBeGreaterThanOrEqual(0.5 * SIZE);
  });

  it.each(['removed, proven', 'removed, whole'])(
    'comes from elsewhere once that node has it no more (%s)',
    async (name) => {
      const { file } = held(name);
      const left = () => holder.told('swarm.left').length;
      const before = left();
      const ids = await begin(file);
      await untilReceived(ids, MIB);
      await holder.access.cache.removeUrl(file.url);
      await allHave(ids, file);
      // Somebody asked in vain; from then on it said no more that it has the file.
      await expect.poll(left, PATIENCE).toBeGreaterThan(before);
    },
  );

  it('comes from elsewhere once the user of that node says that it is wrong', async () => {
    const file = await serveDescribed(origin, { size: SIZE, isAnchored: true });
    const request = { remoteUrl: file.url, localName: holder.path('judged.bin') };
    const job = await holder.access.jobs.create({ displayName: 'judged', files: [request], resume: true });
    expect(await job.transferred()).toMatchObject({ state: 'TRANSFERRED' });
    const ids = await begin(file);
    await untilReceived(ids, MIB);
    await job.setValidationState(0, false);
    const before = givenSince(holder, 0);
    await allHave(ids, file);
    // Eight answers of one piece each were under way.
    expect(givenSince(holder, before)).toBeLessThanOrEqual(8 * MIB);
    await job.cancel();
  });

  it('comes from the origin to a node whose membership ends meanwhile', async () => {
    const { file, fromOrigin } = held('revoked');
    const [outcast] = askers as [OfficeNode];
    await holder.configure(office.config({ ...HOLDING, swarm: { bandwidth: '1MiB/s' } }));
    await holder.access.reload();
    const { id } = await outcast.access.transfers.start({
      url: file.url,
      destination: outcast.path('file.bin'),
      overwrite: true,
    });
    const received = async () => (await outcast.access.transfers.get(id)).bytesFromPeers;
    await expect.poll(received, { ...PATIENCE, interval: 5 }).toBeGreaterThan(MIB / 2);
    await revoke(holder.domainDir, outcast.node.nodeId, systemClock);
    await holder.access.reload();
    const before = await received();
    const view = await outcast.access.transfers.settled(id);
    expect(view).toMatchObject({ state: 'completed', error: null });
    expect(await outcast.digest()).toBe(file.sha256);
    // What was on its way may still arrive.
    expect(view.bytesFromPeers - before).toBeLessThanOrEqual(MIB);
    expect(fromOrigin()).toBeGreaterThanOrEqual(SIZE - view.bytesFromPeers);
  });
});
