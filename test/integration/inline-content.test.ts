import { createHash, randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { newRecordId } from '../../src/core/ids.ts';
import { pieceSizeFor } from '../../src/core/pieces.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { loadMembership } from '../../src/domain/membership.ts';
import { loadOrCreateIdentity } from '../../src/peer/identity.ts';
import type { PeerRecord, SearchHandler } from '../../src/peer/search-types.ts';
import { createSearchHandler } from '../../src/serve/search-handler.ts';
import { testFile } from '../support/cache-fixture.ts';
import { ContentFixture } from '../support/content-fixture.ts';
import { testNodeId } from '../support/node-ids.ts';
import { Office, PATIENCE } from '../support/office.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { damage } from '../support/part-fixture.ts';
import {
  introduce,
  newIdentity,
  TestDomain as PeerDomain,
  QUERY,
  recordOf,
  searchAll,
  startNode,
  VERSION,
} from '../support/peer-nodes.ts';
import { tempDir } from '../support/temp-dir.ts';

const KIB = 1024;

/** Counts the TCP connections that come to a port of this process while the block lasts. */
function connectionsTo(port: number): { count: number } & Disposable {
  const seen = { count: 0, [Symbol.dispose]: () => void unsubscribe('net.server.socket', onSocket) };
  function onSocket(message: unknown): void {
    if ((message as { socket: Socket }).socket.localPort === port) seen.count++;
  }
  subscribe('net.server.socket', onSocket);
  return seen;
}

async function originWith(content: Buffer) {
  const origin = await OriginServer.start();
  return { origin, url: origin.serve('/file.bin', { content: bytesContent(content) }) };
}

/** Searches for a file of the fixture as peers do, and says how the answers left. */
function searcher(setup: ContentFixture, url: string) {
  const search = createSearchHandler({ cache: setup.cache.cache, server: setup.server });
  return async (peer: number, sent = true, maxInlineBytes = 65_536): Promise<Uint8Array | undefined> => {
    const ends: ((sent: boolean) => void)[] = [];
    const query = { url, version: null, ranges: null, sha256: null, maxRecords: 5, maxInlineBytes };
    const answer = await search(query, testNodeId(peer), (done) => ends.push(done));
    expect(answer.status).toBe('found');
    for (const done of ends) done(sent);
    return answer.records[0]?.inline;
  };
}

for (const size of [1, KIB, 64 * KIB]) {
  test(`a file of ${size} bytes comes with the answer of its holder, and no content connection is opened`, async () => {
    await using office = await Office.open();
    const content = randomBytes(size);
    const { origin, url } = await originWith(content);
    await using _ = origin;
    const a = await office.start('a');
    await a.fetch(url);
    const b = await office.start('b', { knows: [a] });
    await expect.poll(() => b.knows(), PATIENCE).toHaveLength(1);
    using connections = connectionsTo(a.node.ports.content as number);
    const view = await b.fetch(url);
    expect(view).toMatchObject({ state: 'completed', bytesFromPeers: size, bytesFromOrigin: 0 });
    expect(await b.digest()).toBe(createHash('sha256').update(content).digest('hex'));
    expect(connections.count).toBe(0);
    const [answer] = (await b.access.transfers.trace(view.id)).filter(({ code }) => code === 'PEER_ANSWER');
    expect(answer?.text).toContain('gave it together with its answer');
    expect(answer?.data).toMatchObject({ given: size, bytes: size });
    await expect.poll(() => a.told('serve.finished'), PATIENCE).toMatchObject([{ nodeId: b.node.nodeId, bytes: size }]);
    expect(a.told('serve.started')).toHaveLength(1);
    expect(await a.access.status()).toMatchObject({ totals: { bytesServed: size }, serving: { clients: 0 } });
  });
}

test('a larger file, and one whose holder has no time at once, come over the content channel', async () => {
  await using office = await Office.open();
  const [small, large] = [randomBytes(40 * KIB), randomBytes(64 * KIB + 1)];
  const origin = await OriginServer.start();
  await using _ = origin;
  const urls = [small, large].map((content, index) => origin.serve(`/${index}`, { content: bytesContent(content) }));
  // So slow that 40 KiB are never due at once.
  const a = await office.start('a', { config: { serve: { bandwidth: '200KiB/s' } } });
  for (const url of urls) await a.fetch(url, { overwrite: true });
  const b = await office.start('b', { knows: [a] });
  await expect.poll(() => b.knows(), PATIENCE).toHaveLength(1);
  using connections = connectionsTo(a.node.ports.content as number);
  for (const [index, content] of [small, large].entries()) {
    const view = await b.fetch(urls[index] as string, { overwrite: true });
    expect(view).toMatchObject({ state: 'completed', bytesFromPeers: content.length });
    expect(await b.digest()).toBe(createHash('sha256').update(content).digest('hex'));
  }
  expect(connections.count).toBeGreaterThan(0);
  expect((await a.access.status()).totals.bytesServed).toBe(small.length + large.length);
});

test('a small range comes with the answer of one who holds just that', async () => {
  await using office = await Office.open();
  const content = randomBytes(3 * 1024 * KIB);
  const { origin, url } = await originWith(content);
  await using _ = origin;
  const request = { ranges: ['1048000-1049000'] };
  const a = await office.start('a');
  await a.fetch(url, request);
  const b = await office.start('b', { knows: [a] });
  await expect.poll(() => b.knows(), PATIENCE).toHaveLength(1);
  using connections = connectionsTo(a.node.ports.content as number);
  expect(await b.fetch(url, request)).toMatchObject({ state: 'completed', bytesFromPeers: 1001 });
  expect(await b.digest()).toBe(createHash('sha256').update(content.subarray(1_048_000, 1_049_001)).digest('hex'));
  expect(connections.count).toBe(0);
});

test('a node that serves nothing gives nothing', async () => {
  await using office = await Office.open();
  const { origin, url } = await originWith(randomBytes(KIB));
  await using _ = origin;
  const a = await office.start('a', { config: { peers: { server: false } } });
  await a.fetch(url);
  const b = await office.start('b', { knows: [a] });
  await expect.poll(() => b.knows(), PATIENCE).toHaveLength(1);
  expect(await b.fetch(url)).toMatchObject({ state: 'completed', bytesFromPeers: 0 });
  expect(a.told('serve.started')).toEqual([]);
});

test('a neighbour that gives other bytes than it names is told to the roster, and the file is right', async () => {
  await using office = await Office.open();
  const content = randomBytes(KIB);
  const { origin, url } = await originWith(content);
  await using _ = origin;
  await office.start('a');
  await office.join('liar');
  const data = join(office.dir, 'liar', 'data');
  const identity = await loadOrCreateIdentity(data);
  const membership = await loadMembership(join(data, 'domain'), identity.nodeId, systemClock);
  const piece = { start: 0, end: KIB, hash: createHash('sha256').update(content).digest() };
  const answer: SearchHandler = async ({ version }) => {
    if (version === null) throw new Error('the origin is there');
    const ranges = RangeSet.of(piece);
    const record = { id: newRecordId(), version, ranges, pieceSize: pieceSizeFor(KIB), pieces: [piece] };
    const records = [{ ...record, inline: randomBytes(KIB) }];
    return { status: 'found', records, contentPort: 1, freeSlots: 3, retryAfterMs: 0 };
  };
  await using liar = await startNode(new PeerDomain(office.dir), {
    identity,
    membership: required(membership),
    answer,
  });
  const named = `127.0.0.1:${liar.network.port}/p2p/${identity.nodeId}`;
  const patience = { patience: { background: '2s' } };
  const b = await office.start('b', {
    config: { discovery: { static: [named], broadcast: false }, search: patience } as never,
  });
  await expect.poll(() => b.knows(), PATIENCE).toHaveLength(1);
  const view = await b.fetch(url);
  expect(view).toMatchObject({ state: 'completed', bytesFromOrigin: KIB });
  expect(await b.digest()).toBe(createHash('sha256').update(content).digest('hex'));
  const trace = await b.access.transfers.trace(view.id);
  expect(trace.find(({ code }) => code === 'FETCH_FAILED')?.data).toMatchObject({ code: 'E_PEER_BAD_DATA' });
  expect((await b.access.peers())[0]).toMatchObject({ nodeId: identity.nodeId, failures: 1 });
});

test('content that was not asked for, too much of it, or in two records fails the peer', async () => {
  await using dir = await tempDir();
  const domain = new PeerDomain(dir.path);
  await using asker = await startNode(domain);
  const given = (length: number): PeerRecord => ({ ...recordOf(0, length), inline: new Uint8Array(length) });
  const cases = [
    { records: [given(10)], maxInlineBytes: 0 },
    { records: [given(11)], maxInlineBytes: 10 },
    { records: [given(65_537)], maxInlineBytes: 65_536 },
    { records: [given(10), given(10)], maxInlineBytes: 65_536 },
    { records: [{ ...recordOf(0, 10), inline: new Uint8Array(9) }], maxInlineBytes: 65_536 },
  ];
  for (const { records, maxInlineBytes } of cases) {
    const answer: SearchHandler = async () => {
      return { status: 'found', records, contentPort: 1, freeSlots: 3, retryAfterMs: 0 };
    };
    await using holder = await startNode(domain, { answer });
    introduce(asker, holder);
    const answers = await searchAll(asker, { ...QUERY, maxInlineBytes });
    expect(answers).toMatchObject([{ status: 'failed', records: [], error: { code: 'E_PEER_PROTOCOL' } }]);
    expect(asker.roster.get(holder.identity.nodeId)?.failures).toBe(1);
    asker.roster.clear();
  }
});

test('as many peers are asked for content as may send 64 KiB together, and one that fails is replaced', async () => {
  await using dir = await tempDir();
  const domain = new PeerDomain(dir.path);
  await using asker = await startNode(domain);
  const holders = await Promise.all(Array.from({ length: 4 }, () => startNode(domain)));
  const dead = { identity: newIdentity(), network: { port: 1 } };
  introduce(asker, dead, ...holders);
  const asked = () => holders.flatMap(({ searches }) => searches.map((query) => query.maxInlineBytes)).sort();
  await searchAll(asker, { ...QUERY, maxInlineBytes: 30_000 }, { maxPeers: 5 });
  const first = asked();
  expect(first).toHaveLength(4);
  expect(first.filter((bytes) => bytes === 30_000).length).toBeGreaterThanOrEqual(1);
  expect(first.filter((bytes) => bytes === 30_000).length).toBeLessThanOrEqual(2);
  for (const { searches } of holders) searches.length = 0;
  asker.roster.failed(dead.identity.nodeId, 'E_PEER_UNREACHABLE');
  await searchAll(asker, { ...QUERY, maxInlineBytes: 1_024 }, { maxPeers: 5 });
  expect(asked()).toEqual([1_024, 1_024, 1_024, 1_024]);
  for (const holder of holders) await holder.network.stop();
});

test('a stranger gets nothing', async () => {
  await using dir = await tempDir();
  const record = { ...recordOf(0, 10), inline: new Uint8Array(10) };
  const answer: SearchHandler = async () => {
    return { status: 'found', records: [record], contentPort: 1, freeSlots: 3, retryAfterMs: 0 };
  };
  await using holder = await startNode(new PeerDomain(join(dir.path, 'ours')), { answer });
  await using stranger = await startNode(new PeerDomain(join(dir.path, 'theirs')));
  introduce(stranger, holder);
  const answers = await searchAll(stranger, { ...QUERY, version: VERSION, maxInlineBytes: 65_536 });
  expect(answers).toMatchObject([{ status: 'unauthenticated', records: [] }]);
  expect(holder.searches).toEqual([]);
});

test('only so many clients get content with their answers as have slots, each as long as its answer is under way', async () => {
  await using setup = await ContentFixture.start({ clients: 2 });
  const file = testFile(KIB);
  await setup.cache.admit(file);
  const search = createSearchHandler({ cache: setup.cache.cache, server: setup.server });
  const query = { url: file.url, version: null, ranges: null, sha256: null, maxRecords: 1, maxInlineBytes: KIB };
  const ends: ((sent: boolean) => void)[] = [];
  const ask = async (peer: number) =>
    (await search(query, testNodeId(peer), (done) => ends.push(done))).records[0]?.inline;
  expect(await ask(1)).toEqual(new Uint8Array(file.bytes));
  expect(await ask(2)).toEqual(new Uint8Array(file.bytes));
  expect(await ask(3)).toBeUndefined();
  expect(setup.server.freeSlots()).toBe(0);
  ends.shift()?.(true);
  expect(await ask(3)).toBeDefined();
  for (const done of ends) done(false);
  expect(setup.server.freeSlots()).toBe(2);
  const finished = setup.eventsOf('serve.finished').map(({ nodeId, bytes }) => [nodeId, bytes]);
  // What could not be sent was not served.
  expect(finished).toEqual([
    [testNodeId(1), KIB],
    [testNodeId(2), 0],
    [testNodeId(3), 0],
  ]);
  expect(setup.eventsOf('serve.started')).toHaveLength(3);
});

test('the bandwidth of the node holds for content that comes with answers', async () => {
  const rate = 64 * KIB;
  await using setup = await ContentFixture.start({ bytesPerSecond: rate });
  const file = testFile(KIB);
  await setup.cache.admit(file);
  const ask = searcher(setup, file.url);
  const startMs = performance.now();
  let given = 0;
  for (let asked = 0; asked < 300; asked++) given += (await ask(asked % 50))?.byteLength ?? 0;
  // Two grants, 1/16 s of the rate, may have been saved up.
  const due = rate * ((performance.now() - startMs) / 1000 + 1 / 16);
  expect(given).toBeGreaterThan(0);
  expect(given).toBeLessThanOrEqual(due + KIB);
});

test('the request caps of a peer hold for content that comes with answers', async () => {
  await using setup = await ContentFixture.start({ requestsPerMinute: 12 });
  const file = testFile(KIB);
  await setup.cache.admit(file);
  const ask = searcher(setup, file.url);
  let given = 0;
  for (let asked = 0; asked < 10; asked++) if ((await ask(1)) !== undefined) given++;
  expect(given).toBe(3);
  expect(await ask(2)).toBeDefined();
});

test('what changed on the disk is neither given nor named', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(KIB);
  const record = await setup.cache.admit(file);
  await damage(setup.cache.pathOf(record.id), 17);
  const search = createSearchHandler({ cache: setup.cache.cache, server: setup.server });
  const query = { url: file.url, version: null, ranges: null, sha256: null, maxRecords: 1, maxInlineBytes: KIB };
  const answer = await search(query, testNodeId(1), () => expect.unreachable('nothing was given'));
  expect(answer).toMatchObject({ status: 'not-found', records: [] });
  expect(setup.eventsOf('serve.finished')).toMatchObject([{ bytes: 0 }]);
  expect(setup.server.freeSlots()).toBe(3);
});

test('a server that stops gives nothing any more', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(KIB);
  const record = await setup.cache.admit(file);
  const pieces = await setup.cache.cache.pieces(record.id);
  expect(await setup.server.inline(testNodeId(1), record.id, pieces)).not.toBeNull();
  await setup.server.stop();
  expect(await setup.server.inline(testNodeId(1), record.id, pieces)).toBeNull();
});

function required<T>(value: T | null): T {
  if (value === null) throw new Error('it is missing');
  return value;
}
