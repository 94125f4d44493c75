import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { ByteRange } from '../../src/core/byte-range.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import { newRecordId } from '../../src/core/ids.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { ContentClient, type ContentClientOptions } from '../../src/peer/content-client.ts';
import { testNodeId } from '../support/node-ids.ts';
import { answerHead, type PeerScript, ScriptedPeer } from '../support/scripted-peer.ts';
import { TestDomain } from '../support/test-domain.ts';

const SIZE = 1_000;
const RANGE = { start: 100, end: 200 };
const [holderId, askerId] = [testNodeId(1), testNodeId(2)];
const never = new AbortController().signal;

/** A peer that follows a script, and a client that asks it. */
async function meet(script: PeerScript, options: ContentClientOptions = {}, onConnect?: (socket: TLSSocket) => void) {
  const domain = await TestDomain.create();
  const peer = await ScriptedPeer.start(await domain.member(holderId), script, onConnect);
  const membership = await domain.member(askerId);
  const client = new ContentClient({ membership: () => membership, clock: systemClock, log: silentLogger }, options);
  const record = { id: newRecordId(), version: { size: SIZE, lastModifiedMs: null, etag: null } };
  const source = client.source({ nodeId: holderId, host: '127.0.0.1', port: peer.port, record });
  const ask = async (range: ByteRange = RANGE) => {
    const chunks: Uint8Array[] = [];
    await source.fetch(range, (chunk) => void chunks.push(chunk), never);
    return Buffer.concat(chunks);
  };
  const dispose = async () => {
    await client.close();
    await peer[Symbol.asyncDispose]();
  };
  return { ask, peer, client, source, [Symbol.asyncDispose]: dispose };
}

/** A client that nobody serves. */
async function clientAlone(options: ContentClientOptions) {
  const membership = await (await TestDomain.create()).member(askerId);
  const client = new ContentClient({ membership: () => membership, clock: systemClock, log: silentLogger }, options);
  return { client, record: { id: newRecordId(), version: { size: SIZE, lastModifiedMs: null, etag: null } } };
}

async function failure(promise: Promise<unknown>): Promise<NearbitsError> {
  return await promise.then(
    () => expect.unreachable('the fetch should have failed'),
    (error: unknown) => error as NearbitsError,
  );
}

const body = (range: ByteRange) => Buffer.alloc(range.end - range.start, 7);

describe('a peer that', () => {
  const cases: [string, string, PeerScript][] = [
    ['answers garbage', 'E_PEER_PROTOCOL', (socket) => void socket.write('\u0000\u0001 garbage\r\n\r\n')],
    ['answers in HTTP/1.0', 'E_PEER_PROTOCOL', (socket) => void socket.write('HTTP/1.0 206 OK\r\n\r\n')],
    [
      'never ends its head',
      'E_PEER_PROTOCOL',
      (socket) => void socket.write(`HTTP/1.1 206 OK\r\nX: ${'x'.repeat(9_000)}`),
    ],
    [
      'sends a head of many lines',
      'E_PEER_PROTOCOL',
      (socket) => void socket.write(`HTTP/1.1 206 OK\r\n${'X: y\r\n'.repeat(1_000)}\r\n`),
    ],
    [
      'answers another range',
      'E_PEER_PROTOCOL',
      (socket, { start, end }) => void socket.write(answerHead({ start: start + 1, end: end + 1 }, SIZE)),
    ],
    [
      'answers for a file of another size',
      'E_PEER_PROTOCOL',
      (socket, range) => void socket.write(answerHead(range, SIZE + 1)),
    ],
    [
      'says its length twice',
      'E_PEER_PROTOCOL',
      (socket, range) => void socket.write(answerHead(range, SIZE, ['Content-Length: 100'])),
    ],
    [
      'sends chunks',
      'E_PEER_PROTOCOL',
      (socket, range) => void socket.write(answerHead(range, SIZE, ['Transfer-Encoding: chunked'])),
    ],
    [
      'sends the whole file',
      'E_PEER_PROTOCOL',
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`),
    ],
    [
      'redirects',
      'E_PEER_PROTOCOL',
      (socket) => void socket.write('HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\n\r\n'),
    ],
    ['says 100 first', 'E_PEER_PROTOCOL', (socket) => void socket.write('HTTP/1.1 100 Continue\r\n\r\n')],
    [
      'sends more bytes',
      'E_PEER_PROTOCOL',
      (socket, range) =>
        void socket.write(Buffer.concat([Buffer.from(answerHead(range, SIZE)), body(range), Buffer.from('x')])),
    ],
    [
      'sends fewer bytes',
      'E_PEER_UNREACHABLE',
      (socket, range) =>
        void socket.end(Buffer.concat([Buffer.from(answerHead(range, SIZE)), body(range).subarray(1)])),
    ],
    ['closes without a word', 'E_PEER_UNREACHABLE', (socket) => void socket.end()],
    ['breaks the connection', 'E_PEER_UNREACHABLE', (socket) => void socket.destroy()],
    [
      'has no slot and says more',
      'E_PEER_BUSY',
      (socket) => void socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\nlater'),
    ],
    [
      'has no slot and will say more',
      'E_PEER_BUSY',
      (socket) => void socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\n'),
    ],
    [
      'has no slot and closes',
      'E_PEER_BUSY',
      (socket) => void socket.write('HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
    ],
    [
      'lost the record and sends chunks',
      'E_PEER_GONE',
      (socket) => void socket.write('HTTP/1.1 404 No\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n'),
    ],
  ];
  for (const [what, code, script] of cases) {
    test(`${what} is ${code}`, async () => {
      await using setup = await meet(script);
      const error = await failure(setup.ask());
      expect(error.code).toBe(code);
      expect(error.details.nodeId).toBe(holderId);
      await expect.poll(() => setup.peer.open).toBe(0);
    });
  }

  const refusals = ['404 Not Found', '416 Range', '429 Too many', '503 Busy'];
  for (const refusal of refusals) {
    test(`only says ${refusal} is asked again on the same connection`, async () => {
      let requests = 0;
      await using setup = await meet((socket, range) => {
        if (++requests === 3) socket.write(Buffer.concat([Buffer.from(answerHead(range, SIZE)), body(range)]));
        else socket.write(`HTTP/1.1 ${refusal}\r\nContent-Length: 0\r\n\r\n`);
      });
      for (let request = 0; request < 2; request++) {
        expect(['E_PEER_BUSY', 'E_PEER_GONE']).toContain((await failure(setup.ask())).code);
      }
      expect(await setup.ask()).toHaveLength(100);
      expect(setup.peer.connections).toBe(1);
    });
  }

  test('asks to come back in eleven days is believed a minute', async () => {
    await using setup = await meet((socket) => void socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 999999\r\n\r\n'));
    expect((await failure(setup.ask())).details.retryAfterMs).toBe(60_000);
  });

  test('sends a byte more after the last one does not get another request on that connection', async () => {
    await using setup = await meet((socket, range) => {
      socket.write(Buffer.concat([Buffer.from(answerHead(range, SIZE)), body(range)]), () => socket.write('x'));
    });
    for (let request = 0; request < 3; request++) {
      await setup.ask().catch((error: NearbitsError) => expect(error.code).toBe('E_PEER_PROTOCOL'));
      await expect.poll(() => setup.peer.open).toBe(0);
    }
    expect(setup.peer.connections).toBe(3);
  });

  test('speaks before it was asked gets no answer accepted', async () => {
    await using setup = await meet(
      () => {},
      {},
      (socket) => void socket.write('HTTP/1.1 206 OK\r\n\r\n'),
    );
    expect(['E_PEER_PROTOCOL', 'E_PEER_UNREACHABLE']).toContain((await failure(setup.ask())).code);
    await expect.poll(() => setup.peer.open).toBe(0);
  });
});

describe('a limit has its name:', () => {
  test('firstByteTimeoutMs, when the peer does not answer', async () => {
    await using setup = await meet(() => {}, { firstByteTimeoutMs: 100 });
    const error = await failure(setup.ask());
    expect(error).toMatchObject({ code: 'E_PEER_TIMEOUT', details: { timeout: 'firstByteTimeoutMs' } });
  });

  test('firstByteTimeoutMs, when the head comes in drops', async () => {
    const drops = (socket: TLSSocket) => {
      const timer = setInterval(() => socket.write('X'), 10);
      socket.once('close', () => clearInterval(timer));
    };
    await using setup = await meet(drops, { firstByteTimeoutMs: 100 });
    expect((await failure(setup.ask())).details.timeout).toBe('firstByteTimeoutMs');
  });

  test('stallTimeoutMs, when the body stops or comes in drops', async () => {
    const drops: PeerScript = (socket, range) => {
      socket.write(answerHead(range, SIZE));
      const timer = setInterval(() => socket.write('X'), 10);
      socket.once('close', () => clearInterval(timer));
    };
    await using setup = await meet(drops, { stallTimeoutMs: 100, stallBytes: 50 });
    const error = await failure(setup.ask());
    expect(error).toMatchObject({ code: 'E_PEER_TIMEOUT', details: { timeout: 'stallTimeoutMs' } });
    await using silent = await meet((socket, range) => void socket.write(answerHead(range, SIZE)), {
      stallTimeoutMs: 100,
    });
    expect((await failure(silent.ask())).details.timeout).toBe('stallTimeoutMs');
  });

  test('handshakeTimeoutMs, when the other end does not speak TLS', async () => {
    const mute = createServer((socket) => void socket.resume());
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    const { port } = mute.address() as AddressInfo;
    const { client, record } = await clientAlone({ handshakeTimeoutMs: 100 });
    const source = client.source({ nodeId: holderId, host: '127.0.0.1', port, record });
    const error = await failure(source.fetch(RANGE, () => {}, never));
    expect(error).toMatchObject({ code: 'E_PEER_TIMEOUT', details: { timeout: 'handshakeTimeoutMs' } });
    await new Promise((resolve) => mute.close(resolve));
  });
});

describe('connections', () => {
  const sound: PeerScript = (socket, range) => {
    socket.write(answerHead(range, SIZE));
    socket.write(body(range));
  };

  test('are used again', async () => {
    await using setup = await meet(sound);
    for (let request = 0; request < 5; request++) expect(await setup.ask()).toHaveLength(100);
    expect(setup.peer.connections).toBe(1);
  });

  test('that the peer closed meanwhile are made anew without anybody noticing', async () => {
    let requests = 0;
    await using setup = await meet((socket, range) => {
      if (++requests === 2) socket.destroy();
      else return sound(socket, range);
    });
    for (let request = 0; request < 3; request++) expect(await setup.ask()).toHaveLength(100);
    expect(setup.peer.connections).toBe(2);
  });

  test('are closed when the peer says so, when they idle, and beyond the number kept', async () => {
    await using closing = await meet((socket, range) => {
      socket.write(answerHead(range, SIZE, ['Connection: close']));
      socket.write(body(range));
    });
    await closing.ask();
    await expect.poll(() => closing.peer.open).toBe(0);
    await using idling = await meet(sound, { idleMs: 20 });
    await idling.ask();
    await expect.poll(() => idling.peer.open).toBe(0);
    await using few = await meet(sound, { maxIdle: 1 });
    await Promise.all([few.ask(), few.ask(), few.ask()]);
    await expect.poll(() => few.peer.open).toBe(1);
  });

  test('end with the client, whatever runs on them', async () => {
    await using setup = await meet(() => {});
    const running = failure(setup.ask());
    await expect.poll(() => setup.peer.open).toBe(1);
    await setup.client.close();
    expect((await running).code).toBe('E_CANCELLED');
    await expect.poll(() => setup.peer.open).toBe(0);
    expect((await failure(setup.ask())).code).toBe('E_CANCELLED');
  });

  test('are not made for a range that no such file has', async () => {
    await using setup = await meet(sound);
    expect((await failure(setup.ask({ start: 0, end: SIZE + 1 }))).code).toBe('E_INVALID_RANGE');
    expect(await setup.ask({ start: 5, end: 5 })).toHaveLength(0);
    expect(setup.peer.connections).toBe(0);
  });

  test('to nobody fail as unreachable', async () => {
    const setup = await meet(sound);
    const { source } = setup;
    await setup.peer[Symbol.asyncDispose]();
    expect((await failure(source.fetch(RANGE, () => {}, never))).code).toBe('E_PEER_UNREACHABLE');
    await setup.client.close();
  });
});
