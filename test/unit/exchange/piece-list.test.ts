import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../src/content/descriptor.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { contentOf } from '../../../src/exchange/content.ts';
import { PieceList } from '../../../src/exchange/piece-list.ts';
import type { ExchangeSide } from '../../../src/exchange/side.ts';
import { identityOf } from '../../../src/peer/identity.ts';
import { signDescriptor } from '../../../src/peer/protocol/descriptor-codec.ts';
import type { SwarmPeer } from '../../../src/peer/swarm/swarm-port.ts';

const MIB = 1024 * 1024;
const FOREVER = new AbortController().signal;
const url = 'https://origin.test/file';
const version = { size: 2 * MIB, lastModifiedMs: null, etag: '"1"' };
const content = contentOf({ url, version, descriptor: null }, { pieceSize: MIB }, true);
const DESCRIPTOR: Descriptor = {
  size: 2 * MIB,
  pieceSize: MIB,
  pieces: [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))],
  sha256: null,
  anchor: { kind: 'metalink', url },
};

/** A holder, and how it answers who asks for its descriptor. */
function holder(answer: (signal: AbortSignal) => Promise<Descriptor>) {
  const identity = identityOf(generateKeyPairSync('ed25519').privateKey);
  const peer: SwarmPeer = { nodeId: identity.nodeId, host: '127.0.0.1', contentPort: 1 };
  const fetchDescriptor: ExchangeSide['fetchDescriptor'] = async (_from, _content, signal) => {
    const descriptor = await answer(signal);
    return signDescriptor(descriptor, url, { ...version, size: descriptor.size }, identity);
  };
  return { peer, side: { fetchDescriptor } as ExchangeSide };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('the pieces of a content without an anchor', () => {
  it('are what the first holder says, and nobody else is asked', async () => {
    const list = new PieceList({ clock: new ManualClock() }, content);
    const first = holder(async () => DESCRIPTOR);
    await list.learn(first.peer, first.side, FOREVER);
    const second = holder(async () => expect.unreachable());
    await list.learn(second.peer, second.side, FOREVER);
    expect(list.pieces?.map(({ hash }) => hash)).toEqual(DESCRIPTOR.pieces);
  });

  it('are asked of the next holder when the first one takes too long', async () => {
    const clock = new ManualClock();
    const list = new PieceList({ clock }, content);
    const slow = holder(untilAborted);
    const good = holder(async () => DESCRIPTOR);
    const late = list.learn(slow.peer, slow.side, FOREVER);
    const learnt = list.learn(good.peer, good.side, FOREVER);
    clock.advance(10_000);
    await expect(late).rejects.toMatchObject({ code: 'E_PEER_TIMEOUT' });
    await learnt;
    expect(list.pieces).toHaveLength(2);
  });

  it.each([
    ['of another size', { ...DESCRIPTOR, size: 2 * MIB - 1 }],
    ['cut otherwise', { ...DESCRIPTOR, pieceSize: 2 * MIB, pieces: [new Uint8Array(32)] }],
  ])('are not those of a file %s', async (_name, described) => {
    const list = new PieceList({ clock: new ManualClock() }, content);
    const wrong = holder(async () => described);
    await expect(list.learn(wrong.peer, wrong.side, FOREVER)).rejects.toMatchObject({ code: 'E_PEER_PROTOCOL' });
    expect(list.pieces).toBeNull();
  });
});
