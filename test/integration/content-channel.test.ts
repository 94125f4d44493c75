import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { NearbitsError } from '../../src/core/errors.ts';
import type { ByteSink, Source } from '../../src/core/source.ts';
import { ContentServer } from '../../src/serve/content-server.ts';
import { never, testFile } from '../support/cache-fixture.ts';
import { ContentFixture } from '../support/content-fixture.ts';
import { testNodeId } from '../support/node-ids.ts';
import { rawConnection, rawRequest, readToEnd } from '../support/raw-request.ts';

const MIB = 1024 * 1024;

async function fetchAll(source: Source, start: number, end: number, signal = never): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await source.fetch({ start, end }, (chunk) => void chunks.push(chunk), signal);
  return Buffer.concat(chunks);
}

async function failure(promise: Promise<unknown>): Promise<NearbitsError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NearbitsError);
  return error as NearbitsError;
}

test('a peer gets exactly the ranges it asks for', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(5 * MIB + 123);
  const source = (await setup.client()).source(setup.holder(await setup.cache.admit(file)));
  for (const [start, end] of [
    [0, file.bytes.length],
    [0, 1],
    [MIB - 1, MIB + 1],
    [file.bytes.length - 1, file.bytes.length],
    [777, 3 * MIB + 5],
  ] as const) {
    expect((await fetchAll(source, start, end)).equals(file.bytes.subarray(start, end))).toBe(true);
  }
});

test('pieces larger than a chunk are served too', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(9 * MIB);
  const record = await setup.cache.admit(file, { pieceSize: 4 * MIB });
  const source = (await setup.client()).source(setup.holder(record));
  expect((await fetchAll(source, 10, 9 * MIB)).equals(file.bytes.subarray(10))).toBe(true);
});

test('a record of ranges is asked for in offsets of the origin file', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(3 * MIB);
  const record = await setup.cache.admit(file, { ranges: [{ start: 2 * MIB, end: 2 * MIB + 100 }] });
  const source = (await setup.client()).source(setup.holder(record));
  const got = await fetchAll(source, 2 * MIB + 10, 2 * MIB + 100);
  expect(got.equals(file.bytes.subarray(2 * MIB + 10, 2 * MIB + 100))).toBe(true);
  expect((await failure(fetchAll(source, 0, 10))).code).toBe('E_PEER_GONE');
});

test('members that joined by a token prove themselves with their intermediate CA', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(100);
  const record = await setup.cache.admit(file);
  const client = setup.clientOf(await setup.domain.joined(testNodeId(1)));
  const source = client.source(setup.holder(record));
  await fetchAll(source, 0, 50);
  // The second request of a connection does not repeat the chain.
  expect((await fetchAll(source, 50, 100)).equals(file.bytes.subarray(50))).toBe(true);
});

test('what is not there, not accepted or removed meanwhile is gone', async () => {
  await using setup = await ContentFixture.start();
  const record = await setup.cache.admit(testFile(100), { state: 'unknown' });
  const source = (await setup.client()).source(setup.holder(record));
  expect((await failure(fetchAll(source, 0, 100))).code).toBe('E_PEER_GONE');
  await setup.cache.cache.setState(record.id, 'valid');
  expect(await fetchAll(source, 0, 100)).toHaveLength(100);
  // The server closes the file a moment after the client has the last byte.
  const remove = () =>
    setup.cache.cache.remove(record.id).then(
      () => 'removed',
      () => 'in use',
    );
  await expect.poll(remove).toBe('removed');
  expect((await failure(fetchAll(source, 0, 100))).code).toBe('E_PEER_GONE');
});

test('every answer has its status, and no refusal has a body', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(1_000);
  const { id } = await setup.cache.admit(file);
  const asker = await setup.domain.member(testNodeId(1));
  const path = `/content/${id}`;
  const ask = (options: Parameters<typeof rawRequest>[2]) => rawRequest(asker, setup.server.port, options);

  const whole = await ask({ path });
  expect([whole.status, whole.body.equals(file.bytes)]).toEqual([200, true]);
  const part = await ask({ path, headers: { Range: 'bytes=0-999' } });
  expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 0-999/1000']);
  const head = await ask({ path, method: 'HEAD', headers: { Range: 'bytes=10-19' } });
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([206, '10', 0]);

  const refusals: [number, Parameters<typeof rawRequest>[2]][] = [
    [404, { path: '/' }],
    [404, { path: `/content/${testNodeId(3)}` }],
    [404, { path: '/content/00000000-0000-4000-8000-000000000000' }],
    [416, { path, headers: { Range: 'bytes=1000-' } }],
    [400, { path, headers: { Range: 'bytes=0-1,5-6' } }],
    [400, { path, headers: { 'Content-Length': '3' }, body: 'abc' }],
    [405, { path, method: 'POST', headers: { 'Content-Length': '3' }, body: 'abc' }],
    [405, { path, method: 'DELETE' }],
  ];
  for (const [status, options] of refusals) {
    const answer = await ask(options);
    expect([answer.status, answer.body.length], JSON.stringify(options)).toEqual([status, 0]);
  }
  const refused = setup.eventsOf('serve.refused').map(({ status }) => status);
  expect(refused).toEqual(refusals.map(([status]) => status));
});

test('what is not HTTP/1.1 or has too large a head is refused and closed', async () => {
  await using setup = await ContentFixture.start();
  const { id } = await setup.cache.admit(testFile(10));
  const asker = await setup.domain.member(testNodeId(1));
  const say = async (text: string) => {
    const socket = await rawConnection(asker, setup.server.port);
    socket.write(text);
    return (await readToEnd(socket)).split('\r\n', 1)[0];
  };
  expect(await say('GET / HTTP/1.0\r\nHost: a\r\n\r\n')).toContain(' 505 ');
  expect(await say(`POST /content/${id} HTTP/1.1\r\nHost: a\r\n\r\n`)).toContain(' 411 ');
  // A body that nobody wants is not waited for.
  expect(await say('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n')).toContain(' 404 ');
  expect(await say('garbage\r\n\r\n')).toContain(' 400 ');
  expect(await say('GET / HTTP/1.1\r\n\r\n')).toContain(' 400 ');
  expect(await say(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)).toContain(' 431 ');
  expect(await say('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n')).toContain(
    ' 400 ',
  );
});

test('three clients are served, the fourth is told when to come back', async () => {
  await using setup = await ContentFixture.start({ waitMs: 50, idleMs: 7_000 });
  const holder = setup.holder(await setup.cache.admit(testFile(100)));
  expect(setup.server.freeSlots()).toBe(3);
  for (const index of [1, 2, 3]) await fetchAll((await setup.client(index)).source(holder), 0, 1);
  expect([setup.server.freeSlots(), setup.server.clients]).toEqual([0, 3]);
  const error = await failure(fetchAll((await setup.client(4)).source(holder), 0, 1));
  expect(error).toMatchObject({ code: 'E_PEER_BUSY', details: { status: 503, retryAfterMs: 7_000 } });
  // Who has a slot goes on, with any number of connections.
  await fetchAll((await setup.client(1)).source(holder), 0, 1);
});

test('the fourth client is served when a slot idles out while it waits', async () => {
  await using setup = await ContentFixture.start({ waitMs: 30_000, idleMs: 50 });
  const holder = setup.holder(await setup.cache.admit(testFile(100)));
  for (const index of [1, 2, 3]) await fetchAll((await setup.client(index)).source(holder), 0, 1);
  await fetchAll((await setup.client(4)).source(holder), 0, 1);
});

test('more slots and another rate take effect while the server runs', async () => {
  await using setup = await ContentFixture.start({ clients: 1, waitMs: 60_000, idleMs: 60_000, bytesPerSecond: 1 });
  const holder = setup.holder(await setup.cache.admit(testFile(MIB)));
  const first = fetchAll((await setup.client(1)).source(holder), 0, MIB);
  await expect.poll(() => setup.eventsOf('serve.started').length).toBe(1);
  const second = fetchAll((await setup.client(2)).source(holder), 0, MIB);
  setup.server.update({ clients: 2, bytesPerSecond: 'unlimited' });
  expect((await Promise.all([first, second])).map(({ length }) => length)).toEqual([MIB, MIB]);
});

test('clients together get no more than the rate, and share it', async () => {
  const rate = 4 * MIB;
  await using setup = await ContentFixture.start({ bytesPerSecond: rate });
  const holder = setup.holder(await setup.cache.admit(testFile(2 * MIB)));
  const got = [0, 0];
  const startMs = performance.now();
  const [slower] = await Promise.all(
    [1, 2].map(async (index, which) => {
      const source = (await setup.client(index)).source(holder);
      const sink: ByteSink = (chunk) => {
        got[which] = (got[which] ?? 0) + chunk.byteLength;
      };
      await source.fetch({ start: 0, end: 2 * MIB }, sink, never);
      return [...got];
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  // Two grants of 1/32 s may be saved up before the start; a slow machine only makes it slower.
  expect(4 * MIB).toBeLessThanOrEqual(rate * (seconds + 2 / 32));
  expect(slower).toEqual([2 * MIB, expect.any(Number)]);
});

test('damaged content never leaves: 404 before the first byte, a cut afterwards', async () => {
  await using setup = await ContentFixture.start();
  const file = testFile(3 * MIB);
  const damage = async (id: string, at: number) => {
    const content = await open(setup.cache.pathOf(id), 'r+');
    await content.write(Buffer.from([(file.bytes[at] as number) ^ 1]), 0, 1, at);
    await content.close();
  };
  const late = await setup.cache.admit(file);
  await damage(late.id, 2 * MIB + 5);
  const chunks: Uint8Array[] = [];
  const source = (await setup.client()).source(setup.holder(late));
  const cut = source.fetch({ start: 0, end: 3 * MIB }, (chunk) => void chunks.push(chunk), never);
  expect((await failure(cut)).code).toBe('E_PEER_UNREACHABLE');
  const got = Buffer.concat(chunks);
  expect(got.length).toBeLessThanOrEqual(2 * MIB);
  expect(got.equals(file.bytes.subarray(0, got.length))).toBe(true);
  expect((await failure(fetchAll(source, 0, 10))).code).toBe('E_PEER_GONE');

  const early = await setup.cache.admit({ ...file, url: 'http://origin.test/other' });
  await damage(early.id, 5);
  const other = (await setup.client()).source(setup.holder(early));
  expect((await failure(fetchAll(other, 0, 10))).code).toBe('E_PEER_GONE');
  expect(setup.cache.cache.get(early.id)).toBeNull();
});

test('a peer that asks too often, or too much at once, is slowed down', async () => {
  await using setup = await ContentFixture.start({
    requestsPerMinute: 8,
    maxParallelRequests: 1,
    bytesPerSecond: 1_000,
  });
  const holder = setup.holder(await setup.cache.admit(testFile(MIB)));
  const client = await setup.client();
  const abort = new AbortController();
  const first = failure(fetchAll(client.source(holder), 0, MIB, abort.signal));
  await expect.poll(() => setup.eventsOf('serve.started').length).toBe(1);
  const second = await failure(fetchAll(client.source(holder), 0, 1));
  expect(second).toMatchObject({ code: 'E_PEER_BUSY', details: { status: 429 } });
  abort.abort();
  expect((await first).code).toBe('E_CANCELLED');
  const served = () =>
    fetchAll(client.source(holder), 0, 1).then(
      ({ length }) => length,
      () => 0,
    );
  await expect.poll(served).toBe(1);
  const third = await failure(fetchAll(client.source(holder), 0, 1));
  expect(third).toMatchObject({ code: 'E_PEER_BUSY', details: { status: 429 } });
});

test('a client that does not read is cut off and its slot becomes free', async () => {
  await using setup = await ContentFixture.start({ writeTimeoutMs: 200, idleMs: 50, clients: 1, waitMs: 60_000 });
  const record = await setup.cache.admit(testFile(64 * MIB));
  const lazy = await rawConnection(await setup.domain.member(testNodeId(1)), setup.server.port);
  lazy.pause();
  lazy.write(`GET /content/${record.id} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await expect.poll(() => setup.eventsOf('serve.started').length).toBe(1);
  await fetchAll((await setup.client(2)).source(setup.holder(record)), 0, 1);
  const [finished] = setup.eventsOf('serve.finished');
  expect(finished?.nodeId).toBe(testNodeId(1));
  expect(finished?.bytes).toBeLessThan(64 * MIB);
  lazy.destroy();
});

test('connections that say nothing are closed', async () => {
  await using setup = await ContentFixture.start({ headersTimeoutMs: 200 });
  const socket = await rawConnection(await setup.domain.member(testNodeId(1)), setup.server.port);
  await readToEnd(socket);
  const slow = await rawConnection(await setup.domain.member(testNodeId(1)), setup.server.port);
  slow.write('GET / HTTP/1.1\r\nHo');
  await readToEnd(slow);
});

test('one address has a bounded number of connections', async () => {
  await using setup = await ContentFixture.start({ maxConnectionsPerAddress: 1 });
  const holder = setup.holder(await setup.cache.admit(testFile(10)));
  const asker = await setup.domain.member(testNodeId(1));
  const first = await rawConnection(asker, setup.server.port);
  expect((await failure(fetchAll((await setup.client(2)).source(holder), 0, 1))).code).toBe('E_PEER_UNREACHABLE');
  first.destroy();
  await expect
    .poll(async () =>
      fetchAll((await setup.client(2)).source(holder), 0, 1).then(
        () => 'served',
        () => 'refused',
      ),
    )
    .toBe('served');
});

test('stopping breaks off what is being sent and is idempotent', async () => {
  await using setup = await ContentFixture.start({ bytesPerSecond: 1_000 });
  const holder = setup.holder(await setup.cache.admit(testFile(MIB)));
  const running = failure(fetchAll((await setup.client()).source(holder), 0, MIB));
  await expect.poll(() => setup.eventsOf('serve.started').length).toBe(1);
  // Has not begun its handshake, and has five seconds for it: stopping does not wait for that.
  const silent = connect(setup.server.port, '127.0.0.1');
  await once(silent, 'connect');
  silent.on('error', () => {});
  const startMs = performance.now();
  await Promise.all([setup.server.stop(), setup.server.stop()]);
  expect(performance.now() - startMs).toBeLessThan(4_000);
  expect((await running).code).toBe('E_PEER_UNREACHABLE');
  expect((await failure(fetchAll((await setup.client()).source(holder), 0, 1))).code).toBe('E_PEER_UNREACHABLE');
});

test('a port in use is told by name', async () => {
  await using setup = await ContentFixture.start();
  const own = await setup.domain.member(testNodeId(5));
  const { cache, clock } = setup.cache;
  const deps = { cache, clock, membership: () => own, log: setup.log, emit: () => {} };
  const second = ContentServer.start(deps, { host: '127.0.0.1', port: setup.server.port });
  expect((await failure(second)).code).toBe('E_LISTEN');
});
