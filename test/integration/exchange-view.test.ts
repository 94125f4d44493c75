import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SwarmMoved } from '../../src/observe/events.ts';
import { LanFile, type LanNode, MemoryLan } from '../support/exchange/memory-lan.ts';
import { tempDir } from '../support/temp-dir.ts';

// What people are shown of contents that are fetched together.

const MIB = 1024 * 1024;
const FOREVER = new AbortController().signal;
/** An origin that takes about 2 ms for each 64 KiB. */
const slowly = { origin: { pace: () => new Promise<void>((resolve) => setTimeout(resolve, 2)) } };
let folder: Awaited<ReturnType<typeof tempDir>>;
let lan: MemoryLan;

beforeEach(async () => {
  folder = await tempDir();
  lan = new MemoryLan(new LanFile(16 * MIB + 5, MIB));
});

afterEach(async () => {
  await lan.stop();
  await folder[Symbol.asyncDispose]();
});

function openThree(): Promise<LanNode[]> {
  return lan.open(folder.path, 3, { 0: slowly, 1: slowly, 2: slowly });
}

function movedOn(node: LanNode): SwarmMoved[] {
  return node.events.filter((event) => event.type === 'swarm.moved');
}

function sum(nodes: readonly LanNode[], of: 'givenBytes' | 'takenBytes'): number {
  return nodes.flatMap(movedOn).reduce((all, event) => all + event[of], 0);
}

test('while it is fetched one sees who fetches what from the origin and who has how much', async () => {
  const nodes = await openThree();
  const [first] = nodes as [LanNode];
  const fetches = nodes.map((node) => node.fetch(lan.content(true), FOREVER));
  const view = await vi.waitUntil(
    () => {
      const [content] = first.exchange.list();
      return content?.fromOrigin && content.partners.some(({ pieces }) => pieces > 0) ? content : null;
    },
    { timeout: 20_000, interval: 5 },
  );
  expect(view).toMatchObject({ anchored: true, state: 'fetching', pieces: 17, bytes: 16 * MIB + 5, banned: [] });
  const { start, end, position } = view.fromOrigin ?? { start: 0, end: 0, position: 0 };
  expect(start % MIB).toBe(0);
  expect(position).toBeGreaterThanOrEqual(start);
  expect(position).toBeLessThanOrEqual(end);
  expect(nodes.slice(1).map(({ nodeId }) => nodeId)).toEqual(
    expect.arrayContaining(view.partners.map(({ nodeId }) => nodeId)),
  );
  await Promise.all(fetches);
  // Also a request to the origin that was not needed any more at the end.
  for (const it of nodes.flatMap((node) => node.exchange.list()))
    expect(it).toMatchObject({ state: 'giving', piecesHere: 17, fromOrigin: null });
});

test('what went from one to the other is told in sums that agree with what is shown', async () => {
  const nodes = await openThree();
  const shown = new Map<LanNode, number>();
  const fetch = async (node: LanNode) => {
    await node.fetch(lan.content(true), FOREVER);
    shown.set(node, node.exchange.list()[0]?.takenBytes ?? 0);
  };
  await Promise.all(nodes.map(fetch));
  for (const node of nodes) node.exchange.stop();
  for (const node of nodes) {
    expect(sum([node], 'takenBytes')).toBe(shown.get(node));
    // The rest is told before this node says that it left.
    const types = node.events.map(({ type }) => type);
    expect(types.lastIndexOf('swarm.moved')).toBeLessThan(types.lastIndexOf('swarm.left'));
  }
  expect(sum(nodes, 'takenBytes') + lan.originBytes).toBeGreaterThanOrEqual(3 * lan.file.bytes.length);
  expect(sum(nodes, 'givenBytes')).toBeGreaterThan(0);
});

test('without proven pieces the others see the owner and note that they wait for it', async () => {
  const held = Promise.withResolvers<void>();
  const slow = { origin: { pace: () => held.promise } };
  const nodes = await lan.open(folder.path, 3, { 0: slow, 1: slow, 2: slow });
  const fetches = nodes.map((node) => node.fetch(lan.content(false), FOREVER));
  const isWaiting = ({ notes }: LanNode) => notes.includes('SWARM_WAITING');
  const waiting = await vi.waitUntil(
    () => {
      const all = nodes.filter(isWaiting);
      return all.length === 2 ? all : null;
    },
    { timeout: 20_000 },
  );
  // Two may have begun at once: whoever is not waiting now is the one that went on.
  const owner = nodes.find((node) => !waiting.includes(node)) as LanNode;
  for (const { exchange } of waiting)
    expect(exchange.list()[0]?.partners.find(({ nodeId }) => nodeId === owner.nodeId)?.fromOrigin).not.toBeNull();
  held.resolve();
  await Promise.all(fetches);
  expect(owner.exchange.list()).toMatchObject([{ anchored: false, state: 'giving', takenBytes: 0 }]);
  expect(owner.notes).not.toContain('SWARM_WAITING');
});
