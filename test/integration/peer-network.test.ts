import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { DomainFiles } from '../../src/domain/domain-files.ts';
import { loadTrust } from '../../src/domain/membership.ts';
import { revoke } from '../../src/domain/revoke.ts';
import { tcpAddress } from '../../src/peer/libp2p-host.ts';
import { decodeSearchAnswer } from '../../src/peer/protocol/answer-codec.ts';
import { exchangeMessages, readMessage, writeMessage } from '../../src/peer/protocol/frames.ts';
import { encodeChain, encodeReply } from '../../src/peer/protocol/membership-codec.ts';
import { encodeSearchRequest } from '../../src/peer/protocol/search-codec.ts';
import { MAX_ANSWER_BYTES, MEMBERSHIP_PROTOCOL, SEARCH_PROTOCOL } from '../../src/peer/protocol/wire.ts';
import {
  eventually,
  holds,
  introduce,
  LOOPBACK,
  newIdentity,
  QUERY,
  recordOf,
  searchAll,
  startNode,
  TestDomain,
  VERSION,
} from '../support/peer-nodes.ts';
import { rawStream, startRawPeer, streamEnd } from '../support/raw-peer.ts';
import { tempDir } from '../support/temp-dir.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let domain: TestDomain;
const none = new AbortController().signal;

beforeAll(async () => {
  dir = await tempDir();
  domain = new TestDomain(`${dir.path}/domain`);
});
afterAll(() => dir[Symbol.asyncDispose]());

test('members of one domain find each other and what they hold', async () => {
  const record = recordOf(0, 2_500_000);
  await using holder = await startNode(domain, { answer: holds(record) });
  await using other = await startNode(domain);
  await using asker = await startNode(domain);
  introduce(asker, holder, other);

  const answers = await searchAll(asker, { ...QUERY, ranges: RangeSet.of({ start: 0, end: 10 }) });
  expect(new Map(answers.map((answer) => [answer.nodeId, answer.status]))).toEqual(
    new Map([
      [holder.identity.nodeId, 'found'],
      [other.identity.nodeId, 'not-found'],
    ]),
  );
  const found = answers.find(({ status }) => status === 'found');
  expect(found).toMatchObject({ contentHost: LOOPBACK, contentPort: 21_781, freeSlots: 3 });
  expect(found?.records[0]).toMatchObject({ id: record.id, version: VERSION, pieceSize: record.pieceSize });
  expect(found?.records[0]?.ranges.ranges).toEqual(record.ranges.ranges);
  expect(asker.roster.get(holder.identity.nodeId)?.authenticatedUntilMs).toBe(holder.membership.notAfterMs);
  expect(holder.searches[0]?.ranges?.ranges).toEqual([{ start: 0, end: 10 }]);
  expect(asker.events.filter(({ type }) => type === 'search.answered')).toHaveLength(2);
});

test('a search leaves out whom it need not ask', async () => {
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 2_500_000)) });
  await using other = await startNode(domain);
  await using asker = await startNode(domain);
  introduce(asker, holder, other);

  const answers = await searchAll(asker, { ...QUERY, skips: (nodeId) => nodeId === holder.identity.nodeId });
  expect(answers.map(({ nodeId }) => nodeId)).toEqual([other.identity.nodeId]);
  expect(holder.searches).toEqual([]);
});

test('the hashes of the largest file fit into one answer', async () => {
  const version = { ...VERSION, size: 8 * 2 ** 30 };
  const record = recordOf(0, version.size, version);
  expect(record.pieces).toHaveLength(8192);
  await using holder = await startNode(domain, { answer: holds(record, recordOf(0, 2 ** 20, version)) });
  await using asker = await startNode(domain);
  introduce(asker, holder);
  const [answer] = await searchAll(asker, { ...QUERY, version });
  expect(answer?.records.map(({ pieces }) => pieces.length)).toEqual([8192, 1]);
});

test('one peer cannot pile up connections', async () => {
  await using node = await startNode(domain);
  await using raw = await startRawPeer();
  for (let count = 0; count < 8; count++) {
    await raw.libp2p.dial(tcpAddress(LOOPBACK, node.network.port), { force: true });
  }
  await eventually(() => node.network.connections().length <= 4);
});

test('a connection is kept and the next search does without a new one', async () => {
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 10)) });
  await using asker = await startNode(domain);
  introduce(asker, holder);
  await searchAll(asker);
  const [first] = asker.network.connections();
  expect(first).toMatchObject({ nodeId: holder.identity.nodeId, direction: 'outbound', port: holder.network.port });
  await searchAll(asker);
  expect(asker.network.connections()).toEqual([first]);
  // The holder asks back over the connection that the asker opened.
  introduce(holder, asker);
  expect((await searchAll(holder))[0]?.status).toBe('not-found');
  expect(holder.network.connections()).toHaveLength(1);
});

test('connections on which nothing happens are closed', async () => {
  await using holder = await startNode(domain);
  await using asker = await startNode(domain, { idleMs: 200 });
  introduce(asker, holder);
  await searchAll(asker);
  await eventually(() => asker.network.connections().length === 0);
  expect((await searchAll(asker))[0]?.status).toBe('not-found');
});

test('a peer that has forgotten us is shown our membership again, once', async () => {
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 10)), maxMembers: 1 });
  await using asker = await startNode(domain);
  introduce(asker, holder);
  await searchAll(asker);
  const { port } = holder.network;
  await holder.network.stop();
  await using again = await startNode(domain, { ...holder, port, answer: holds(recordOf(0, 10)) });
  await eventually(() => asker.network.connections().length === 0);
  expect((await searchAll(asker))[0]).toMatchObject({ status: 'found', nodeId: again.identity.nodeId });
});

test('nodes of different domains do not answer each other and forget each other', async () => {
  const foreignDomain = new TestDomain(`${dir.path}/foreign`);
  await using foreigner = await startNode(foreignDomain, { answer: holds(recordOf(0, 10)) });
  await using asker = await startNode(domain);
  introduce(asker, foreigner);
  introduce(foreigner, asker);
  const [answer] = await searchAll(asker);
  expect(answer).toMatchObject({ status: 'unauthenticated', error: { code: 'E_PEER_UNAUTHENTICATED' } });
  expect(foreigner.searches).toEqual([]);
  expect(asker.roster.entries()).toEqual([]);
  expect(foreigner.roster.entries()).toEqual([]);
  await eventually(() => asker.network.connections().length + foreigner.network.connections().length === 0);
});

test('an expired membership is refused', async () => {
  const past = { ...systemClock, wallMs: () => Date.now() - 400 * 24 * 3_600_000 };
  const oldDomain = new TestDomain(`${dir.path}/old`, past);
  const [identity, askerIdentity] = [newIdentity(), newIdentity()];
  const expired = await oldDomain.join(identity);
  const alive = await oldDomain.join(askerIdentity);
  const now = systemClock.wallMs();
  // The asker lives in the past as well, so that only the other one is looked at with today's clock.
  await using holder = await startNode(oldDomain, { identity, membership: expired });
  await using asker = await startNode(oldDomain, { identity: askerIdentity, membership: alive, clock: past });
  expect(expired.notAfterMs).toBeLessThan(now);
  introduce(asker, holder);
  expect((await searchAll(asker))[0]).toMatchObject({ status: 'unauthenticated' });
  // A node that failed is not taken back for a while, unless the list is cleared.
  introduce(holder, asker);
  expect(await searchAll(holder)).toEqual([]);
  holder.roster.clear();
  introduce(holder, asker);
  expect((await searchAll(holder))[0]).toMatchObject({ status: 'unauthenticated' });
});

test('a revoked node is refused by whoever has the revocation list', async () => {
  const revokedDomain = new TestDomain(`${dir.path}/revoking`);
  const [good, bad] = [newIdentity(), newIdentity()];
  const membership = await revokedDomain.join(good);
  const revoked = await revokedDomain.join(bad);
  await revoke(revokedDomain.makerDir, bad.nodeId, systemClock);
  const trust = await loadTrust(new DomainFiles(revokedDomain.makerDir));
  await using holder = await startNode(revokedDomain, { identity: good, membership: { ...membership, trust } });
  await using asker = await startNode(revokedDomain, { identity: bad, membership: revoked });
  introduce(asker, holder);
  expect((await searchAll(asker))[0]).toMatchObject({ status: 'unauthenticated' });
  expect(holder.searches).toEqual([]);
});

test('a stolen chain proves nothing for another PeerId', async () => {
  await using member = await startNode(domain);
  await using holder = await startNode(domain);
  await using thief = await startRawPeer();
  const stream = await rawStream(thief, holder.network.port, MEMBERSHIP_PROTOCOL);
  const reply = await exchangeMessages(stream, encodeChain(member.membership.chainDer), 20_000, none);
  expect([...reply]).toEqual([...encodeReply({ status: 'refused' })]);
  await eventually(() => holder.network.connections().length === 0);
});

test('an address where another node answers counts as unreachable', async () => {
  await using other = await startNode(domain);
  await using asker = await startNode(domain);
  const wanted = newIdentity();
  introduce(asker, { identity: wanted, network: other.network });
  expect((await searchAll(asker))[0]).toMatchObject({
    nodeId: wanted.nodeId,
    status: 'failed',
    error: { code: 'E_PEER_UNREACHABLE' },
  });
  expect(asker.roster.get(wanted.nodeId)).toMatchObject({ failures: 1, available: false });
});

test('strangers are not answered and are disconnected after a while', async () => {
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 10)), strangerMs: 300 });
  await using stranger = await startRawPeer();
  const stream = await rawStream(stranger, holder.network.port, SEARCH_PROTOCOL);
  const answer = decodeSearchAnswer(await exchangeMessages(stream, encodeSearchRequest(QUERY), MAX_ANSWER_BYTES, none));
  expect(answer).toMatchObject({ status: 'unauthenticated', records: [] });
  expect(holder.searches).toEqual([]);
  expect(holder.network.connections()).toHaveLength(1);
  await eventually(() => holder.network.connections().length === 0);
});

test('failed peers are replaced by others, and every one is told to the roster', async () => {
  const nodes = await Promise.all(
    Array.from({ length: 3 }, () => startNode(domain, { answer: holds(recordOf(0, 10)) })),
  );
  await using asker = await startNode(domain);
  const dead = Array.from({ length: 6 }, () => ({ identity: newIdentity(), network: { port: 1 } }));
  introduce(asker, ...dead, ...nodes);
  const answers = await searchAll(asker, QUERY, { maxPeers: 2 });
  expect(answers.filter(({ status }) => status === 'found').length).toBe(2);
  for (const { identity } of dead) {
    const failures = asker.roster.get(identity.nodeId)?.failures;
    expect(failures).toBe(answers.some(({ nodeId }) => nodeId === identity.nodeId) ? 1 : 0);
  }
  for (const node of nodes) await node.network.stop();
});

test('garbage, oversized, cut and superfluous answers fail the peer and nothing else', async () => {
  const membership = async (identity: ReturnType<typeof newIdentity>) => {
    const { chainDer } = await domain.join(identity);
    return encodeReply({ status: 'accepted', chain: chainDer });
  };
  const bodies = [
    Uint8Array.of(3, 0xff, 0xff, 0xff),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xff, 0xff, 0x7f),
    Uint8Array.of(50, 8, 2),
    Uint8Array.of(2, 8, 2, 8, 2),
    Uint8Array.of(2, 8, 77),
    new Uint8Array(600_000).fill(0x55),
    new Uint8Array(0),
  ];
  await using asker = await startNode(domain);
  for (const body of bodies) {
    const identity = newIdentity();
    const accepted = await membership(identity);
    const handlers = {
      [MEMBERSHIP_PROTOCOL]: (stream: Parameters<typeof writeMessage>[0]) => {
        void readMessage(stream, 20_000, none).then(() => writeMessage(stream, accepted, none));
      },
      [SEARCH_PROTOCOL]: (stream: Parameters<typeof writeMessage>[0]) => {
        stream.send(body);
        stream.close().catch(() => undefined);
      },
    };
    await using raw = await startRawPeer(handlers, identity);
    introduce(asker, raw);
    const answers = await searchAll(asker);
    expect(answers).toMatchObject([{ status: 'failed', error: { code: 'E_PEER_PROTOCOL' } }]);
    asker.roster.clear();
  }
});

test('garbage in the membership exchange fails the peer', async () => {
  await using asker = await startNode(domain);
  for (const body of [
    Uint8Array.of(2, 8, 9),
    Uint8Array.of(2, 8, 1),
    Uint8Array.of(0xff, 0xff, 0x7f),
    new Uint8Array(300_000),
  ]) {
    const handler = (stream: Parameters<typeof writeMessage>[0]) => {
      stream.send(body);
      stream.close().catch(() => undefined);
    };
    await using raw = await startRawPeer({ [MEMBERSHIP_PROTOCOL]: handler });
    introduce(asker, raw);
    expect(await searchAll(asker)).toMatchObject([{ status: 'failed', error: { code: 'E_PEER_PROTOCOL' } }]);
    asker.roster.clear();
  }
});

test('a peer that speaks none of our protocols fails', async () => {
  await using asker = await startNode(domain);
  await using raw = await startRawPeer();
  introduce(asker, raw);
  expect(await searchAll(asker)).toMatchObject([{ status: 'failed', error: { code: 'E_PEER_PROTOCOL' } }]);
});

test('garbage in requests ends their stream and does no harm', async () => {
  await using node = await startNode(domain, { answer: holds(recordOf(0, 10)) });
  await using raw = await startRawPeer();
  const bodies = [
    Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xff, 0xff, 0x7f),
    Uint8Array.of(2, 8, 1),
    Uint8Array.of(0),
    new Uint8Array(400_000),
  ];
  for (const body of bodies) {
    const stream = await rawStream(raw, node.network.port, MEMBERSHIP_PROTOCOL);
    stream.send(body);
    expect(await streamEnd(stream)).toBe('reset');
  }
  const memberIdentity = newIdentity();
  const { chainDer } = await domain.join(memberIdentity);
  await using member = await startRawPeer({}, memberIdentity);
  const proof = await rawStream(member, node.network.port, MEMBERSHIP_PROTOCOL);
  await exchangeMessages(proof, encodeChain(chainDer), 20_000, none);
  for (const body of bodies) {
    const stream = await rawStream(member, node.network.port, SEARCH_PROTOCOL);
    stream.send(body);
    expect(await streamEnd(stream)).toBe('reset');
  }
  await using asker = await startNode(domain);
  introduce(asker, node);
  expect((await searchAll(asker))[0]?.status).toBe('found');
});

test('garbage instead of libp2p does no harm', async () => {
  await using node = await startNode(domain, { handshakeMs: 300 });
  for (const body of ['GET / HTTP/1.1\r\n\r\n', '\u0013/multistream/1.0.0\n', 'x'.repeat(100_000), '']) {
    const socket = connect(node.network.port, LOOPBACK);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined).resume();
    socket.write(body);
    await closed;
  }
  await using asker = await startNode(domain);
  introduce(asker, node);
  expect((await searchAll(asker))[0]?.status).toBe('not-found');
});

test('a peer that stalls costs its time limit and frees its place', async () => {
  await using stalling = await startRawPeer({ [MEMBERSHIP_PROTOCOL]: () => undefined });
  const silent = createServer((socket) => socket.on('error', () => undefined).resume());
  await once(silent.listen(0, LOOPBACK), 'listening');
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 10)) });
  await using asker = await startNode(domain);
  introduce(asker, stalling, { identity: newIdentity(), network: { port } });
  const search = searchAll(asker, QUERY, { maxPeers: 2, peerTimeoutMs: 400, timeoutMs: 5_000 });
  introduce(asker, holder);
  const answers = await search;
  expect(answers.map(({ status, error }) => error?.code ?? status)).toEqual([
    'E_PEER_TIMEOUT',
    'E_PEER_TIMEOUT',
    'found',
  ]);
  silent.close();
});

test('a search ends at its time limit, with its caller, and with its reader', async () => {
  await using stalling = await startRawPeer({ [MEMBERSHIP_PROTOCOL]: () => undefined });
  await using asker = await startNode(domain);
  introduce(asker, stalling);
  expect(await searchAll(asker, QUERY, { timeoutMs: 200 })).toEqual([]);
  expect(await searchAll(asker, QUERY, {}, AbortSignal.timeout(100))).toEqual([]);
  expect(await searchAll(asker, QUERY, {}, AbortSignal.abort())).toEqual([]);
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 10)) });
  introduce(asker, holder);
  for await (const answer of asker.network.search(QUERY, {}, none)) {
    expect(answer.nodeId).toBe(holder.identity.nodeId);
    break;
  }
  expect(asker.roster.get(stalling.identity.nodeId)?.failures).toBe(0);
});

test('peers that turn up while places are free are asked too', async () => {
  await using holder = await startNode(domain, { answer: holds(recordOf(0, 10)) });
  await using asker = await startNode(domain);
  const search = searchAll(asker, QUERY, { lingerMs: 600 });
  introduce(asker, holder);
  expect((await search).map(({ status }) => status)).toEqual(['found']);
});

test('a peer that asks too often is told to wait', async () => {
  await using holder = await startNode(domain, { searchesPerSecond: 5 });
  await using asker = await startNode(domain);
  introduce(asker, holder);
  const statuses = [];
  for (let count = 0; count < 15; count++) statuses.push(...(await searchAll(asker)));
  const busy = statuses.filter(({ status }) => status === 'busy');
  expect(busy.length).toBeGreaterThanOrEqual(3);
  expect(busy[0]?.error).toMatchObject({ code: 'E_PEER_BUSY', details: { retryAfterMs: 1000 } });
  expect(asker.roster.get(holder.identity.nodeId)?.failures).toBe(0);
});

test('records of other versions and without wanted bytes are ignored', async () => {
  const otherVersion = recordOf(0, 100, { ...VERSION, etag: '"v2"' });
  await using holder = await startNode(domain, { answer: holds(otherVersion, recordOf(500, 600)) });
  await using asker = await startNode(domain);
  introduce(asker, holder);
  const wanted = { ...QUERY, ranges: RangeSet.of({ start: 0, end: 100 }) };
  expect((await searchAll(asker, wanted))[0]).toMatchObject({ status: 'not-found', records: [] });
  const [any] = await searchAll(asker, { ...wanted, version: null });
  expect(any?.records.map(({ id }) => id)).toEqual([otherVersion.id]);
});

test('a failing search handler makes the node busy, not broken', async () => {
  const answer = async () => {
    throw new Error('the index is gone');
  };
  await using holder = await startNode(domain, { answer });
  await using asker = await startNode(domain);
  introduce(asker, holder);
  expect((await searchAll(asker))[0]?.status).toBe('busy');
});

test('a static address is asked who it is', async () => {
  await using holder = await startNode(domain);
  await using asker = await startNode(domain);
  asker.network.connectHint(LOOPBACK, holder.network.port);
  asker.network.connectHint(LOOPBACK, 1);
  asker.network.connectHint(LOOPBACK, asker.network.port);
  await eventually(() => asker.roster.get(holder.identity.nodeId)?.authenticatedUntilMs != null);
  expect(asker.roster.entries()).toHaveLength(1);
});

test('a port in use is refused with the next step', async () => {
  await using node = await startNode(domain);
  await expect(startNode(domain, { port: node.network.port })).rejects.toMatchObject({
    code: 'E_LISTEN',
    message: expect.stringContaining(String(node.network.port)),
    hint: expect.stringContaining('port'),
  });
});

test('stopping ends searches and closes every connection', async () => {
  await using stalling = await startRawPeer({ [MEMBERSHIP_PROTOCOL]: () => undefined });
  const asker = await startNode(domain);
  introduce(asker, stalling);
  const search = searchAll(asker);
  await eventually(() => asker.network.connections().length === 1);
  await asker.network.stop();
  expect(await search).toEqual([]);
  await eventually(() => stalling.libp2p.getConnections().length === 0);
  await asker.network.stop();
});
