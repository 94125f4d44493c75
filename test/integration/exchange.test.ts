import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LanFile, type LanNode, type LanNodeScript, MemoryLan } from '../support/exchange/memory-lan.ts';
import { tempDir } from '../support/temp-dir.ts';

// The exchange of several nodes with real part files; their neighbours and origin are in the same process, without sockets.

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

function openLan(
  count: number,
  bytes: number,
  scripts: Record<number, LanNodeScript> = {},
  pieceSize = 256 * 1024,
): Promise<LanNode[]> {
  lan = new MemoryLan(new LanFile(bytes, pieceSize));
  return lan.open(folder.path, count, scripts);
}

async function expectRight(nodes: readonly LanNode[]): Promise<void> {
  for (const node of nodes) {
    const bytes = await readFile(node.part?.path ?? '');
    expect(bytes.equals(lan.file.bytes)).toBe(true);
  }
}

/** How long something may take on a busy machine. */
const WAIT = { timeout: 20_000, interval: 5 };

/** An origin that takes about 2 ms for each 64 KiB. */
const slowly = { pace: () => new Promise<void>((resolve) => setTimeout(resolve, 2)) };

// Slow enough that each has its part of it, the offender too.
const withOffender = (givesWrong: 'signed' | 'unsigned') =>
  ({ 0: { givesWrong, origin: slowly }, 1: { origin: slowly }, 2: { origin: slowly } }) as const;

/** Whom a node has banned, and why. */
const bansOf = ({ events }: LanNode) => events.filter(({ type }) => type === 'swarm.banned');

test('nodes that begin at once fetch a file with proven pieces from the origin once', async () => {
  const nodes = await openLan(
    6,
    24 * MIB + 5,
    Object.fromEntries([0, 1, 2, 3, 4, 5].map((at) => [at, { origin: slowly }])),
  );
  await Promise.all(nodes.map((node) => node.fetch(lan.content(true), FOREVER)));
  await expectRight(nodes);
  // One process plays all nodes, so that a busy machine makes all of them deaf at once: hence not 1.05.
  expect(lan.originBytes / lan.file.bytes.length).toBeLessThanOrEqual(1.1);
});

test('a node that is alone fetches in one request what it needs', async () => {
  const [node] = (await openLan(1, 24 * MIB + 5)) as [LanNode];
  await node.fetch(lan.content(true), FOREVER);
  await expectRight([node]);
  expect(node.origin.asked).toEqual([{ start: 0, end: lan.file.bytes.length }]);
});

test('without proven pieces one fetches and the others wait for it', async () => {
  const nodes = await openLan(5, 6 * MIB, Object.fromEntries([0, 1, 2, 3, 4].map((at) => [at, { origin: slowly }])));
  await Promise.all(nodes.map((node) => node.fetch(lan.content(false), FOREVER)));
  await expectRight(nodes);
  expect(lan.originBytes).toBe(lan.file.bytes.length);
  expect(nodes.filter(({ origin }) => origin.asked.length > 0)).toHaveLength(1);
});

test('a node that comes when others have the file takes nothing from the origin', async () => {
  const [first, late] = (await openLan(2, 5 * MIB)) as [LanNode, LanNode];
  await first.fetch(lan.content(true), FOREVER);
  await late.fetch(lan.content(true), FOREVER);
  await expectRight([first, late]);
  expect(late.origin.bytesSent).toBe(0);
});

test('a neighbour with wrong bytes is banned by all, by those it never gave any', async () => {
  const nodes = await openLan(6, 24 * MIB, { 2: { givesWrong: 'signed' } });
  await Promise.all(nodes.map((node) => node.fetch(lan.content(true), FOREVER)));
  await expectRight(nodes);
  const offender = nodes[2] as LanNode;
  for (const node of nodes) {
    if (node === offender) continue;
    expect(bansOf(node)).toEqual([expect.objectContaining({ nodeId: offender.nodeId, proven: true })]);
  }
});

test('who comes later is shown why a neighbour is banned', async () => {
  const nodes = await openLan(4, 24 * MIB, withOffender('signed'));
  const [offender, ...others] = nodes as [LanNode, ...LanNode[]];
  const newcomer = others.pop() as LanNode;
  await Promise.all([offender, ...others].map((node) => node.fetch(lan.content(true), FOREVER)));
  expect(others.flatMap(bansOf)).not.toEqual([]);
  // The newcomer cannot find out for itself.
  offender.die();
  await newcomer.fetch(lan.content(true), FOREVER);
  await vi.waitUntil(() => bansOf(newcomer).length > 0, WAIT);
  expect(bansOf(newcomer)).toEqual([expect.objectContaining({ nodeId: offender.nodeId, proven: true })]);
  await expectRight([...others, newcomer]);
});

test('a neighbour whose receipts promise other bytes than come is banned by those it cheated', async () => {
  const nodes = await openLan(3, 24 * MIB, withOffender('unsigned'));
  await Promise.all(nodes.map((node) => node.fetch(lan.content(true), FOREVER)));
  await expectRight(nodes);
  const bans = nodes.flatMap(bansOf);
  expect(bans.length).toBeGreaterThan(0);
  for (const ban of bans) expect(ban).toMatchObject({ nodeId: nodes[0]?.nodeId, proven: false });
});

test('what a dead neighbour had promised is fetched by others', async () => {
  const nodes = await openLan(4, 16 * MIB, Object.fromEntries([0, 1, 2, 3].map((at) => [at, { origin: slowly }])));
  const ends = nodes.map(() => new AbortController());
  const fetches = nodes.map((node, at) => node.fetch(lan.content(true), (ends[at] as AbortController).signal));
  const victim = await vi.waitUntil(() => nodes.find((node) => node.origin.bytesSent > MIB), WAIT);
  const at = nodes.indexOf(victim);
  victim.die();
  ends[at]?.abort(new Error('killed'));
  await expect(fetches[at]).rejects.toThrow('killed');
  await Promise.all(fetches.filter((_, other) => other !== at));
  await expectRight(nodes.filter((node) => node !== victim));
});

test('a node that the origin refuses lives on what the others fetch', async () => {
  const refused = { cutAfterBytes: 0, code: 'E_ORIGIN_STATUS' } as const;
  const nodes = await openLan(4, 8 * MIB, { 1: { origin: refused } });
  await Promise.all(nodes.map((node) => node.fetch(lan.content(true), FOREVER)));
  await expectRight(nodes);
});

test('a node that is alone and refused by the origin says why', async () => {
  const [node] = (await openLan(1, 2 * MIB, { 0: { origin: { cutAfterBytes: 0, code: 'E_ORIGIN_STATUS' } } })) as [
    LanNode,
  ];
  await expect(node.fetch(lan.content(true), FOREVER)).rejects.toMatchObject({ code: 'E_ORIGIN_STATUS' });
});

test('an origin whose bytes do not fit their description fails the file', async () => {
  const [node] = (await openLan(1, 2 * MIB, { 0: { origin: { lieAtOffset: 300_000 } } })) as [LanNode];
  await expect(node.fetch(lan.content(true), FOREVER)).rejects.toMatchObject({ code: 'E_VALIDATION_FAILED' });
});

test('a fetch that is stopped keeps its pieces and goes on with them', async () => {
  const [node] = (await openLan(1, 8 * MIB, { 0: { origin: slowly } }, MIB)) as [LanNode];
  const stop = new AbortController();
  const fetch = node.fetch(lan.content(true), stop.signal);
  await vi.waitUntil(() => (node.part?.proven.size ?? 0) > MIB, WAIT);
  stop.abort(new Error('paused'));
  await expect(fetch).rejects.toThrow('paused');
  const kept = node.part?.proven.size ?? 0;
  node.origin.bytesSent = 0;
  await node.fetch(lan.content(true), FOREVER);
  await expectRight([node]);
  expect(node.origin.bytesSent).toBeLessThanOrEqual(lan.file.bytes.length - kept);
});
