import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import { parseContentId } from '../../src/core/ids.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { ContentClient, type ContentClientOptions } from '../../src/peer/content-client.ts';
import { testNodeId } from '../support/node-ids.ts';
import { answerHead, type PeerScript, ScriptedPeer } from '../support/scripted-peer.ts';
import { TestDomain } from '../support/test-domain.ts';

const PIECE = 1_000;
const SIZE = 4 * PIECE;
const RANGE = { start: PIECE, end: 3 * PIECE };
const contentId = parseContentId('5a'.repeat(32));
const [giverId, askerId] = [testNodeId(1), testNodeId(2)];
const never = new AbortController().signal;
const receipts = (count: number, bytes = 139) =>
  `Nearbits-Receipts: ${Array.from({ length: count }, () => Buffer.alloc(bytes, 7).toString('base64')).join(', ')}`;

/** A member that gives pieces as the script says, and a client that asks it for two. */
async function meet(script: PeerScript, options: ContentClientOptions = {}) {
  const domain = await TestDomain.create();
  const peer = await ScriptedPeer.start(await domain.member(giverId), script);
  const membership = await domain.member(askerId);
  const client = new ContentClient({ membership: () => membership, clock: systemClock, log: silentLogger }, options);
  const target = { nodeId: giverId, host: '127.0.0.1', port: peer.port };
  const taken = { receipts: 0, bytes: 0 };
  const taker = {
    onReceipts: (got: readonly Uint8Array[]) => {
      taken.receipts += got.length;
    },
    sink: (chunk: Uint8Array) => {
      taken.bytes += chunk.byteLength;
    },
  };
  const question = { contentId, size: SIZE, pieceSize: PIECE, range: RANGE };
  return {
    peer,
    taken,
    pieces: () => client.fetchPieces(target, question, taker, never),
    descriptor: () => client.fetchDescriptor(target, contentId, never),
    async [Symbol.asyncDispose]() {
      await client.close();
      await peer[Symbol.asyncDispose]();
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<NearbitsError> {
  return await promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as NearbitsError,
  );
}

const body = Buffer.alloc(2 * PIECE, 1);
const giving =
  (...headers: string[]): PeerScript =>
  (socket, range) =>
    void socket.write(Buffer.concat([Buffer.from(answerHead(range, SIZE, headers)), body]));

describe('a giver that', () => {
  test('does as it should is believed', async () => {
    await using setup = await meet(giving(receipts(2)));
    await setup.pieces();
    expect(setup.taken).toEqual({ receipts: 2, bytes: 2 * PIECE });
  });

  const cases: [string, PeerScript][] = [
    ['sends no receipts', giving()],
    ['sends one receipt for two pieces', giving(receipts(1))],
    ['sends receipts for other pieces too', giving(receipts(3))],
    ['sends receipts of another kind', giving(receipts(2, 300))],
    ['sends receipts twice', giving(receipts(2), receipts(2))],
    ['sends receipts without end', giving(receipts(100))],
    ['sends receipts that are none', giving('Nearbits-Receipts: <a>, <b>')],
    ['answers for another file', (socket, range) => void socket.write(answerHead(range, SIZE + 1, [receipts(2)]))],
    [
      'sends one piece of two',
      (socket, { start }) => void socket.write(answerHead({ start, end: start + PIECE }, SIZE, [receipts(1)])),
    ],
  ];
  for (const [what, script] of cases) {
    test(`${what} breaks the protocol, and nothing of it is taken`, async () => {
      await using setup = await meet(script);
      expect((await failure(setup.pieces())).code).toBe('E_PEER_PROTOCOL');
      expect(setup.taken).toEqual({ receipts: 0, bytes: 0 });
      await expect.poll(() => setup.peer.open).toBe(0);
    });
  }

  test('is busy says when to come again, but never at once', async () => {
    const busy = (ms: number) => async () => {
      const refusal = `HTTP/1.1 503 Busy\r\nNearbits-Retry-After-Ms: ${ms}\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n`;
      await using setup = await meet((socket) => void socket.write(refusal));
      return (await failure(setup.pieces())).details.retryAfterMs;
    };
    expect([await busy(60)(), await busy(0)(), await busy(99_999_999)()]).toEqual([60, 10, 60_000]);
  });

  test('stops in the middle of a piece is left', async () => {
    const stops: PeerScript = (socket, range) =>
      void socket.write(Buffer.concat([Buffer.from(answerHead(range, SIZE, [receipts(2)])), body.subarray(1)]));
    await using setup = await meet(stops, { stallTimeoutMs: 100 });
    expect(await failure(setup.pieces())).toMatchObject({
      code: 'E_PEER_TIMEOUT',
      details: { timeout: 'stallTimeoutMs' },
    });
  });
});

describe('a descriptor', () => {
  const says =
    (...lines: string[]) =>
    (socket: TLSSocket) =>
      void socket.write(['HTTP/1.1 200 OK', ...lines, '', 'words'].join('\r\n'));

  test('comes as it was sent', async () => {
    await using setup = await meet(says('Content-Length: 5'));
    expect(Buffer.from(await setup.descriptor()).toString()).toBe('words');
  });

  test.each([
    ['larger than any', 'Content-Length: 278529'],
    ['of a gigabyte', 'Content-Length: 1000000000'],
    ['longer than it says', 'Content-Length: 4'],
    ['without a length', 'X: y'],
    ['in chunks', 'Transfer-Encoding: chunked'],
  ])('%s is not taken', async (_, line) => {
    await using setup = await meet(says(line));
    expect((await failure(setup.descriptor())).code).toBe('E_PEER_PROTOCOL');
  });
});
