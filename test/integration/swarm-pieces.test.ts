import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import { expect, test } from 'vitest';
import { NearbitsError } from '../../src/core/errors.ts';
import { type ContentId, parseContentId } from '../../src/core/ids.ts';
import type { ContentClient } from '../../src/peer/content-client.ts';
import { identityOf } from '../../src/peer/identity.ts';
import { signDescriptor, verifySignedDescriptor } from '../../src/peer/protocol/descriptor-codec.ts';
import { isBadPiece, verifyPieceReceipt } from '../../src/peer/protocol/receipt-codec.ts';
import type { ContentServerOptions } from '../../src/serve/content-server.ts';
import type { SharedPieces } from '../../src/serve/pieces/shared-pieces.ts';
import { never, testFile } from '../support/cache-fixture.ts';
import { ContentFixture, SERVER_ID } from '../support/content-fixture.ts';
import { testNodeId } from '../support/node-ids.ts';
import { rawConnection, rawRequest } from '../support/raw-request.ts';
import { anchoredPieces, SharedPart, TestShelf } from '../support/shared-part.ts';
import { tempDir } from '../support/temp-dir.ts';
import { TestDomain } from '../support/test-domain.ts';

const MIB = 1024 * 1024;
const identity = identityOf(generateKeyPairSync('ed25519').privateKey);
const OTHER = parseContentId('cd'.repeat(32));
const unlimited = { bytesPerSecond: 'unlimited', clients: 32, requests: 8 } as const;

/** A content server that gives the pieces of one file, and those who ask it. */
class SwarmFixture implements AsyncDisposable {
  readonly shelf = new TestShelf();
  readonly #cleanup = new AsyncDisposableStack();
  content!: ContentFixture;
  part!: SharedPart;

  static async start(
    options: Partial<ContentServerOptions> & { size?: number; pieceSize?: number; signed?: boolean } = {},
  ): Promise<SwarmFixture> {
    const { size = 6 * MIB + 77, pieceSize = MIB, signed = false, ...rest } = options;
    const setup = new SwarmFixture();
    const dir = setup.#cleanup.use(await tempDir());
    const bytes = randomBytes(size);
    const signedDescriptor = signed ? describeAs(bytes, pieceSize) : null;
    setup.part = setup.#cleanup.use(await SharedPart.create(dir.path, bytes, pieceSize, { signedDescriptor }));
    setup.shelf.put(setup.part);
    const giving = { shelf: setup.shelf, identity };
    setup.content = setup.#cleanup.use(await ContentFixture.start({ pieces: unlimited, ...rest, giving }));
    return setup;
  }

  get target() {
    return { nodeId: SERVER_ID, host: '127.0.0.1', port: this.content.server.port };
  }

  /** Asks for some pieces of the file; what came is kept also when it fails. */
  async ask(
    client: ContentClient,
    first: number,
    end: number,
    asked: Partial<{ contentId: ContentId; port: number; signal: AbortSignal }> = {},
  ) {
    const { size, pieceSize } = this.part.descriptor;
    const range = { start: first * pieceSize, end: Math.min(end * pieceSize, size) };
    const question = { contentId: asked.contentId ?? this.part.contentId, size, pieceSize, range };
    const order: string[] = [];
    const chunks: Uint8Array[] = [];
    let receipts: readonly Uint8Array[] = [];
    const onReceipts = (got: readonly Uint8Array[]) => {
      order.push('receipts');
      receipts = got;
    };
    const sink = (chunk: Uint8Array) => {
      order.push('bytes');
      chunks.push(chunk);
    };
    const target = { ...this.target, ...(asked.port !== undefined && { port: asked.port }) };
    await client.fetchPieces(target, question, { onReceipts, sink }, asked.signal ?? never);
    return { bytes: Buffer.concat(chunks), receipts, order, range };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.content[Symbol.asyncDispose]();
    await this.#cleanup.disposeAsync();
  }
}

/** Passes TCP connections on and counts them. */
class Relay implements AsyncDisposable {
  readonly #server: Server;
  connections = 0;

  private constructor(to: number) {
    this.#server = createServer((near) => {
      this.connections++;
      const far = connect(to, '127.0.0.1');
      pipeline(near, far, near, () => {});
    });
  }

  static async start(to: number): Promise<Relay> {
    const relay = new Relay(to);
    await once(relay.#server.listen(0, '127.0.0.1'), 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}

function describeAs(bytes: Buffer, pieceSize: number): Uint8Array {
  const version = { size: bytes.length, lastModifiedMs: null, etag: '"1"' };
  return signDescriptor(anchoredPieces(bytes, pieceSize), 'http://origin.test/file', version, identity);
}

async function failure(promise: Promise<unknown>): Promise<NearbitsError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NearbitsError);
  return error as NearbitsError;
}

test('a neighbour gets exactly the pieces it asks for, after receipts that their sender cannot deny', async () => {
  await using setup = await SwarmFixture.start();
  const client = await setup.content.client();
  for (const [first, end] of [
    [0, 1],
    [1, 5],
    [4, 7],
    [6, 7],
  ] as const) {
    const { bytes, receipts, order, range } = await setup.ask(client, first, end);
    expect(bytes.equals(setup.part.bytes.subarray(range.start, range.end))).toBe(true);
    expect(order.indexOf('receipts')).toBe(0);
    expect(order.lastIndexOf('receipts')).toBe(0);
    const read = receipts.map((receipt) => verifyPieceReceipt(receipt, identity.nodeId));
    expect(read.map(({ pieceIndex }) => pieceIndex)).toEqual(
      Array.from({ length: end - first }, (_, at) => first + at),
    );
    // The very descriptor that others trust: no receipt is evidence of a bad piece.
    for (const receipt of read) expect(isBadPiece(receipt, setup.part.descriptor)).toBe(false);
  }
});

test.each([
  ['larger than a chunk', 9 * MIB, 4 * MIB],
  ['larger than a request', 17 * MIB, 17 * MIB],
  ['small', 20 * 64 * 1024 + 3, 64 * 1024],
])('pieces that are %s are given too', async (_, size, pieceSize) => {
  await using setup = await SwarmFixture.start({ size, pieceSize });
  const client = await setup.content.client();
  const end = pieceSize < MIB ? 16 : 1;
  const { bytes, receipts } = await setup.ask(client, 0, end);
  expect(bytes.equals(setup.part.bytes.subarray(0, end * pieceSize))).toBe(true);
  expect(receipts).toHaveLength(end);
});

test('the shelf hears what was given and refused, and nobody hears of single requests', async () => {
  await using setup = await SwarmFixture.start();
  const { contentId } = setup.part;
  const client = await setup.content.client(3);
  await setup.ask(client, 0, 2);
  await expect.poll(() => setup.shelf.givenBytes.get(contentId)).toBe(2 * MIB);
  expect((await failure(setup.ask(client, 0, 1, { contentId: OTHER }))).code).toBe('E_PEER_GONE');
  expect(setup.shelf.refusals).toEqual([{ contentId: OTHER, status: 404 }]);
  expect(setup.content.events).toEqual([]);
});

test('a neighbour that asks again and again, also after a no, uses one connection', async () => {
  await using setup = await SwarmFixture.start();
  await using relay = await Relay.start(setup.content.server.port);
  const client = await setup.content.client();
  setup.part.have.delete(2);
  for (let round = 0; round < 5; round++) {
    await setup.ask(client, 0, 1, { port: relay.port });
    expect((await failure(setup.ask(client, 2, 3, { port: relay.port }))).code).toBe('E_PEER_GONE');
  }
  expect(relay.connections).toBe(1);
});

test('what is not there yet, or not known at all, is gone until it is there', async () => {
  await using setup = await SwarmFixture.start();
  const client = await setup.content.client();
  setup.part.have.delete(1);
  expect(await failure(setup.ask(client, 0, 2))).toMatchObject({ code: 'E_PEER_GONE', details: { status: 416 } });
  setup.part.have.add(1);
  expect((await setup.ask(client, 0, 2)).receipts).toHaveLength(2);
  const contentId = parseContentId('00'.repeat(32));
  const unknown = await failure(setup.ask(client, 0, 1, { contentId }));
  expect(unknown).toMatchObject({ code: 'E_PEER_GONE', details: { status: 404 } });
});

test('every request has its status, and no refusal has a body', async () => {
  const size = 18 * MIB + 77;
  await using setup = await SwarmFixture.start({ size });
  const asker = await setup.content.domain.member(testNodeId(1));
  const path = `/pieces/${setup.part.contentId}`;
  const ask = (options: Parameters<typeof rawRequest>[2]) => rawRequest(asker, setup.content.server.port, options);
  const right = await ask({ path, headers: { Range: `bytes=0-${MIB - 1}` } });
  expect([right.status, right.headers['content-range'], right.body.length]).toEqual([
    206,
    `bytes 0-${MIB - 1}/${size}`,
    MIB,
  ]);
  for (const [status, options] of [
    [404, { path: '/pieces/x', headers: { Range: 'bytes=0-1' } }],
    [400, { path }],
    [400, { path, headers: { Range: 'bytes=0-' } }],
    [416, { path, headers: { Range: 'bytes=1-1048576' } }],
    [416, { path, headers: { Range: `bytes=0-${17 * MIB - 1}` } }],
    [416, { path, headers: { Range: `bytes=${18 * MIB}-${19 * MIB - 1}` } }],
    [405, { path, method: 'HEAD', headers: { Range: `bytes=0-${MIB - 1}` } }],
    [404, { path: `/descriptors/${setup.part.contentId}` }],
    [404, { path: `/descriptors/${'00'.repeat(32)}` }],
  ] as [number, Parameters<typeof rawRequest>[2]][]) {
    const answer = await ask(options);
    expect([answer.status, answer.body.length], JSON.stringify(options)).toEqual([status, 0]);
  }
});

test('without a shelf there are no such paths', async () => {
  await using content = await ContentFixture.start();
  const asker = await content.domain.member(testNodeId(1));
  for (const path of [`/pieces/${'00'.repeat(32)}`, `/descriptors/${'00'.repeat(32)}`]) {
    expect((await rawRequest(asker, content.server.port, { path })).status).toBe(404);
  }
});

/** Pieces that wait in the middle of an answer until the test lets them go on. */
function heldBack(pieces: SharedPieces) {
  const go = Promise.withResolvers<void>();
  const reading = { count: 0 };
  const slow: SharedPieces = {
    descriptorId: pieces.descriptorId,
    size: pieces.size,
    pieceSize: pieces.pieceSize,
    hashOf: (piece) => pieces.hashOf(piece),
    signedDescriptor: () => pieces.signedDescriptor(),
    read: async (range, sink, signal) => {
      reading.count++;
      await go.promise;
      await pieces.read(range, sink, signal);
    },
  };
  return { slow, reading, release: () => go.resolve() };
}

test('beyond its places a node is busy, and says to the millisecond when to come again', async () => {
  await using setup = await SwarmFixture.start({ pieces: { ...unlimited, requests: 2 } });
  const { slow, reading, release } = heldBack(setup.part.pieces);
  setup.shelf.contents.set(setup.part.contentId, slow);
  const asking = [setup.ask(await setup.content.client(1), 0, 1), setup.ask(await setup.content.client(2), 0, 1)];
  await expect.poll(() => reading.count).toBe(2);
  const third = await setup.content.client(3);
  const busy = await failure(setup.ask(third, 0, 1));
  expect(busy).toMatchObject({ code: 'E_PEER_BUSY', details: { status: 503, retryAfterMs: 60 } });
  // A policy that allows more counts at once.
  setup.content.server.update({ pieces: { ...unlimited, requests: 3 } });
  const now = setup.ask(third, 0, 1);
  await expect.poll(() => reading.count).toBe(3);
  release();
  expect((await Promise.all([...asking, now])).map(({ bytes }) => bytes.length)).toEqual([MIB, MIB, MIB]);
});

test('half of the places stay empty while the user waits for another file', async () => {
  await using setup = await SwarmFixture.start({ pieces: { ...unlimited, requests: 2 } });
  const { slow, reading, release } = heldBack(setup.part.pieces);
  setup.shelf.contents.set(setup.part.contentId, slow);
  setup.shelf.isUserBusy = true;
  const first = setup.ask(await setup.content.client(1), 0, 1);
  await expect.poll(() => reading.count).toBe(1);
  const client = await setup.content.client(2);
  expect((await failure(setup.ask(client, 0, 1))).code).toBe('E_PEER_BUSY');
  setup.shelf.isUserBusy = false;
  const second = setup.ask(client, 0, 1);
  release();
  await Promise.all([first, second]);
});

test('one neighbour alone cannot take all places', async () => {
  await using setup = await SwarmFixture.start();
  const { slow, reading, release } = heldBack(setup.part.pieces);
  setup.shelf.contents.set(setup.part.contentId, slow);
  const greedy = await setup.content.client(1);
  const asking = Array.from({ length: 8 }, () =>
    setup.ask(greedy, 0, 1).catch((error: NearbitsError) => error.details),
  );
  await expect.poll(() => setup.shelf.refusals.length).toBe(4);
  const other = setup.ask(await setup.content.client(2), 0, 1);
  await expect.poll(() => reading.count).toBe(5);
  release();
  expect((await other).bytes).toHaveLength(MIB);
  const refused = (await Promise.all(asking)).filter((it) => !('bytes' in it));
  expect(refused).toHaveLength(4);
  for (const details of refused) expect(details).toMatchObject({ status: 429 });
});

test('a whole file that its holder describes is given to three neighbours at a time', async () => {
  await using setup = await SwarmFixture.start({ signed: true });
  for (const index of [1, 2, 3]) await setup.ask(await setup.content.client(index), 0, 1);
  expect((await failure(setup.ask(await setup.content.client(4), 0, 1))).code).toBe('E_PEER_BUSY');
  await setup.ask(await setup.content.client(1), 1, 2);
  // Its descriptor is for everybody.
  const client = await setup.content.client(5);
  const bytes = await client.fetchDescriptor(setup.target, setup.part.contentId, never);
  const { descriptor } = verifySignedDescriptor(bytes, identity.nodeId);
  expect(descriptor.pieces).toEqual(setup.part.descriptor.pieces);
});

test('a descriptor of the largest size goes through, and there is none before it is signed', async () => {
  await using setup = await SwarmFixture.start();
  const client = await setup.content.client();
  const ask = () => client.fetchDescriptor(setup.target, setup.part.contentId, never);
  expect((await failure(ask())).code).toBe('E_PEER_GONE');
  const largest = randomBytes(272 * 1024);
  const { slow } = heldBack(setup.part.pieces);
  setup.shelf.contents.set(setup.part.contentId, { ...slow, signedDescriptor: () => largest });
  expect(largest.equals(await ask())).toBe(true);
  setup.shelf.contents.set(setup.part.contentId, { ...slow, signedDescriptor: () => randomBytes(272 * 1024 + 1) });
  expect((await failure(ask())).code).toBe('E_PEER_PROTOCOL');
});

test('all pieces together keep to the rate of swarms', async () => {
  const rate = 4 * MIB;
  await using setup = await SwarmFixture.start({ pieces: { ...unlimited, bytesPerSecond: rate } });
  const clients = [await setup.content.client(1), await setup.content.client(2)];
  const startMs = performance.now();
  await Promise.all(clients.map((client) => setup.ask(client, 0, 2)));
  const seconds = (performance.now() - startMs) / 1000;
  // Two grants of 1/32 s may be saved up before the start; a slow machine only makes it slower.
  expect(4 * MIB).toBeLessThanOrEqual(rate * (seconds + 2 / 32));
});

test('pieces and records do not wait for each other: places and rates are two', async () => {
  await using setup = await SwarmFixture.start({ pieces: { ...unlimited, bytesPerSecond: 1 }, clients: 1 });
  const pieces = setup.ask(await setup.content.client(1), 0, 1);
  await expect.poll(() => setup.shelf.asked).toBe(1);
  const holder = setup.content.holder(await setup.content.cache.admit(testFile(2 * MIB)));
  let got = 0;
  const sink = (chunk: Uint8Array) => {
    got += chunk.byteLength;
  };
  await (await setup.content.client(2)).source(holder).fetch({ start: 0, end: 2 * MIB }, sink, never);
  expect(got).toBe(2 * MIB);
  setup.content.server.update({ bytesPerSecond: 1, pieces: unlimited });
  expect((await pieces).bytes).toHaveLength(MIB);
});

test('a damaged piece never leaves: a no before the first byte, a cut afterwards', async () => {
  await using setup = await SwarmFixture.start();
  const client = await setup.content.client();
  await setup.part.damage(5);
  expect((await failure(setup.ask(client, 0, 1))).code).toBe('E_PEER_GONE');
  await setup.part.damage(3 * MIB + 5);
  const got: Uint8Array[] = [];
  const { size } = setup.part.descriptor;
  const question = { contentId: setup.part.contentId, size, pieceSize: MIB, range: { start: MIB, end: 5 * MIB } };
  const taker = { onReceipts: () => {}, sink: (chunk: Uint8Array) => void got.push(chunk) };
  expect((await failure(client.fetchPieces(setup.target, question, taker, never))).code).toBe('E_PEER_UNREACHABLE');
  const bytes = Buffer.concat(got);
  expect(bytes.length).toBeLessThanOrEqual(2 * MIB);
  expect(bytes.equals(setup.part.bytes.subarray(MIB, MIB + bytes.length))).toBe(true);
  expect((await failure(setup.ask(client, 3, 4))).code).toBe('E_PEER_GONE');
  expect((await setup.ask(client, 4, 5)).bytes).toHaveLength(MIB);
});

test('a neighbour that does not read loses its place', async () => {
  await using setup = await SwarmFixture.start({
    size: 64 * MIB,
    pieceSize: 64 * MIB,
    writeTimeoutMs: 200,
    pieces: { ...unlimited, requests: 1 },
  });
  const lazy = await rawConnection(await setup.content.domain.member(testNodeId(1)), setup.content.server.port);
  lazy.pause();
  const { contentId } = setup.part;
  lazy.write(`GET /pieces/${contentId} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-${64 * MIB - 1}\r\n\r\n`);
  await expect.poll(() => setup.shelf.asked).toBe(1);
  const client = await setup.content.client(2);
  const lazyGot = Promise.withResolvers<number>();
  setup.shelf.onGiven = lazyGot.resolve;
  const asked = () =>
    setup.ask(client, 0, 1).then(
      ({ bytes }) => bytes.length,
      () => 0,
    );
  await expect.poll(asked, { timeout: 10_000 }).toBe(64 * MIB);
  expect(await lazyGot.promise).toBeLessThan(64 * MIB);
  lazy.destroy();
});

test('a neighbour that leaves in the middle gives its place back', async () => {
  await using setup = await SwarmFixture.start({ pieces: { bytesPerSecond: 100_000, clients: 32, requests: 1 } });
  const leaving = new AbortController();
  const first = failure(setup.ask(await setup.content.client(1), 0, 1, { signal: leaving.signal }));
  await expect.poll(() => setup.shelf.asked).toBe(1);
  leaving.abort();
  expect((await first).code).toBe('E_CANCELLED');
  await expect.poll(() => setup.shelf.givenBytes.has(setup.part.contentId)).toBe(true);
  setup.content.server.update({ pieces: { ...unlimited, requests: 1 } });
  expect((await setup.ask(await setup.content.client(2), 0, 1)).bytes).toHaveLength(MIB);
});

test('whoever refuses the receipts gets no byte, and may ask again', async () => {
  await using setup = await SwarmFixture.start();
  const client = await setup.content.client();
  const { contentId, descriptor } = setup.part;
  const question = { contentId, size: descriptor.size, pieceSize: MIB, range: { start: 0, end: MIB } };
  const doubt = new NearbitsError('E_PEER_BAD_DATA', 'these receipts prove nothing');
  const onReceipts = () => {
    throw doubt;
  };
  const sink = () => expect.unreachable('a byte came');
  expect(await failure(client.fetchPieces(setup.target, question, { onReceipts, sink }, never))).toBe(doubt);
  expect((await setup.ask(client, 0, 1)).bytes).toHaveLength(MIB);
});

test('members of another domain get no pieces', async () => {
  await using setup = await SwarmFixture.start();
  const stranger = setup.content.clientOf(await (await TestDomain.create('other')).member(testNodeId(1)));
  expect((await failure(setup.ask(stranger, 0, 1))).code).toBe('E_PEER_UNAUTHENTICATED');
  expect(setup.shelf.asked).toBe(0);
});

test('24 neighbours on one machine with two requests each are all served', async () => {
  await using setup = await SwarmFixture.start();
  const clients = await Promise.all(Array.from({ length: 24 }, (_, index) => setup.content.client(index + 1)));
  const untilServed = async (client: ContentClient, piece: number) => {
    for (;;) {
      try {
        return await setup.ask(client, piece, piece + 1);
      } catch (error) {
        // Busy: it is asked again at once, which is more than a real node does.
        if ((error as NearbitsError).code !== 'E_PEER_BUSY') throw error;
      }
    }
  };
  const all = await Promise.all(
    clients.flatMap((client) => [0, 1].map(async (piece) => (await untilServed(client, piece)).bytes.length)),
  );
  expect(all).toEqual(Array.from({ length: 48 }, () => MIB));
});

test('stopping the server breaks off pieces that are being given', async () => {
  await using setup = await SwarmFixture.start({ pieces: { ...unlimited, bytesPerSecond: 100_000 } });
  const running = failure(setup.ask(await setup.content.client(), 0, 4));
  await expect.poll(() => setup.shelf.asked).toBe(1);
  await setup.content.server.stop();
  expect((await running).code).toBe('E_PEER_UNREACHABLE');
});
