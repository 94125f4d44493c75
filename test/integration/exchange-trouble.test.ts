import { readdir, readFile, readlink } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NearbitsError } from '../../src/core/errors.ts';
import { PartFile } from '../../src/transfer/part-file.ts';
import { LanFile, type LanNode, type LanNodeScript, MemoryLan } from '../support/exchange/memory-lan.ts';
import { tempDir } from '../support/temp-dir.ts';

// What a fetch with neighbours meets on a bad day. Every test ends by itself, because every fetch has to.

const MIB = 1024 * 1024;
const FOREVER = new AbortController().signal;
let folder: Awaited<ReturnType<typeof tempDir>>;
let lan: MemoryLan;

beforeEach(async () => {
  folder = await tempDir();
});

afterEach(async () => {
  await lan.stop();
  await folder[Symbol.asyncDispose]();
});

/** Nodes on a LAN of their own, the first of which has the file when the others begin. */
async function openWithHolder(
  count: number,
  bytes: number,
  scripts: Record<number, LanNodeScript> = {},
  pieceSize = 256 * 1024,
): Promise<[LanNode, ...LanNode[]]> {
  lan = new MemoryLan(new LanFile(bytes, pieceSize));
  const nodes = (await lan.open(folder.path, count, scripts)) as [LanNode, ...LanNode[]];
  await nodes[0].fetch(lan.content(true), FOREVER);
  return nodes;
}

async function expectRight(...nodes: readonly LanNode[]): Promise<void> {
  for (const node of nodes) expect((await readFile(node.part?.path ?? '')).equals(lan.file.bytes)).toBe(true);
}

/** How many files of the test are open in this process. */
async function openFiles(): Promise<number> {
  const links = await readdir('/proc/self/fd');
  const paths = await Promise.all(links.map((link) => readlink(`/proc/self/fd/${link}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(folder.path) && path.includes('update.bin')).length;
}

const refusing = (code: 'E_PEER_GONE' | 'E_PEER_BUSY', details = {}) => ({
  gives: async () => {
    throw new NearbitsError(code, 'as scripted', { details });
  },
});

test('a fetch goes on from the origin when the side towards the neighbours closes', async () => {
  const [, node] = (await openWithHolder(2, 8 * MIB)) as [LanNode, LanNode];
  const fetch = node.fetch(lan.content(true), FOREVER);
  await vi.waitUntil(() => node.asked.length > 0, { timeout: 20_000, interval: 1 });
  node.exchange.attach(null);
  await fetch;
  await expectRight(node);
});

test('a neighbour that announces pieces and has none is not asked in a loop', async () => {
  const [, node] = (await openWithHolder(2, 4 * MIB, { 0: refusing('E_PEER_GONE') })) as [LanNode, LanNode];
  await node.fetch(lan.content(true), FOREVER);
  await expectRight(node);
  expect(node.asked.length).toBeLessThanOrEqual(40);
  expect(node.joined?.givers.size).toBe(0);
});

test('what a fetch may do while it still looks at its part file is not lost', async () => {
  const [holder, node] = (await openWithHolder(2, 4 * MIB)) as [LanNode, LanNode];
  const joined = await node.join(lan.content(true));
  joined.allowOrigin();
  await new Promise((resolve) => setTimeout(resolve, 400));
  await node.run(joined, FOREVER);
  await expectRight(holder, node);
});

test('a fetch whose part in the content is ended from outside ends', async () => {
  lan = new MemoryLan(new LanFile(4 * MIB, 256 * 1024));
  const [node] = (await lan.open(folder.path, 1, { 0: { origin: { stallAfterBytes: MIB } } })) as [LanNode];
  const fetch = node.fetch(lan.content(true), FOREVER);
  await vi.waitUntil(() => node.origin.bytesSent > 0, { timeout: 20_000, interval: 1 });
  node.exchange.stop();
  await expect(fetch).rejects.toMatchObject({ code: 'E_CANCELLED' });
});

test('the verdict on an older file of the same path is none on the one that is being fetched', async () => {
  const [holder, node] = (await openWithHolder(2, 4 * MIB)) as [LanNode, LanNode];
  const joined = await node.join(lan.content(true));
  node.exchange.withdraw(node.destination);
  joined.allowOrigin();
  await node.run(joined, FOREVER);
  await expectRight(holder, node);
});

test('a file of which nothing can be given any more is accepted all the same', async () => {
  lan = new MemoryLan(new LanFile(2 * MIB, 256 * 1024));
  const [node] = (await lan.open(folder.path, 1, { 0: { compares: async () => node.exchange.stop() } })) as [LanNode];
  await node.fetch(lan.content(true), FOREVER);
  await expectRight(node);
});

test('leaving while the part file is opened leaves no file open', async () => {
  lan = new MemoryLan(new LanFile(2 * MIB, 256 * 1024));
  const [node] = (await lan.open(folder.path, 1)) as [LanNode];
  const joined = await node.join(lan.content(true));
  const before = await openFiles();
  const run = node.run(joined, FOREVER);
  joined.leave();
  await expect(run).rejects.toMatchObject({ code: 'E_CANCELLED' });
  // The part file itself is closed by then.
  expect(await openFiles()).toBeLessThan(before);
});

test('nobody fetches a file without an anchor again while its owner looks at the whole of it', async () => {
  const script: LanNodeScript = {
    patience: { pulseMs: 1_500, ownMs: 60_000 },
    compares: () => new Promise((resolve) => setTimeout(resolve, 4_500)),
  };
  lan = new MemoryLan(new LanFile(4 * MIB, 256 * 1024));
  const nodes = await lan.open(folder.path, 3, { 0: script, 1: script, 2: script });
  await Promise.all(nodes.map((node) => node.fetch(lan.content(false), FOREVER)));
  await expectRight(...nodes);
  expect(lan.originBytes).toBe(lan.file.bytes.length);
});

test('pieces of an earlier run that do not fit their description are noticed before they are given', async () => {
  lan = new MemoryLan(new LanFile(4 * MIB, 256 * 1024));
  const [node] = (await lan.open(folder.path, 1, { 0: { origin: { stallAfterBytes: 3 * MIB } } })) as [LanNode];
  const stop = new AbortController();
  const fetch = node.fetch(lan.content(true), stop.signal);
  await vi.waitUntil(() => (node.part?.proven.size ?? 0) > MIB, { timeout: 20_000, interval: 5 });
  stop.abort(new Error('paused'));
  await expect(fetch).rejects.toThrow('paused');
  const content = lan.content(true);
  const anchored = content.anchored?.map((hash, piece) => (piece === 0 ? Buffer.alloc(32) : hash)) ?? null;
  const again = node.fetch({ ...content, anchored }, FOREVER);
  await expect(again).rejects.toMatchObject({ code: 'E_VALIDATION_FAILED', found: 'here' });
});

test('without an anchor nobody is reported who contradicts another holder', async () => {
  lan = new MemoryLan(new LanFile(4 * MIB, 256 * 1024));
  const [first, second, node] = (await lan.open(folder.path, 3)) as [LanNode, LanNode, LanNode];
  await first.fetch(lan.content(false), FOREVER);
  await second.fetch(lan.content(false), FOREVER);
  second.script = { givesWrong: 'signed' };
  await node.fetch(lan.content(false), FOREVER);
  await expectRight(node);
  expect(node.failures).toEqual([]);
});

test.each([256 * 1024, 4 * MIB])('a crash costs little of what came in pieces of %i bytes', async (pieceSize) => {
  const [, node] = (await openWithHolder(2, 64 * MIB + 5, {}, pieceSize)) as [LanNode, LanNode];
  const joined = await node.join(lan.content(true));
  joined.allowOrigin();
  const stop = new AbortController();
  const killed = node.run(joined, stop.signal);
  const part = node.part as PartFile;
  await vi.waitUntil(() => part.proven.size > 32 * MIB, { timeout: 20_000, interval: 1 });
  const { size } = part.proven;
  // Another process finds what is on the disk at this moment.
  const found = await PartFile.open(part.target);
  expect(found.proven.size).toBeGreaterThan(size - 8 * MIB);
  await found.close();
  stop.abort(new Error('killed'));
  await expect(killed).rejects.toThrow('killed');
  await node.fetch(lan.content(true), FOREVER);
  await expectRight(node);
});
