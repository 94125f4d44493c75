import type { Stream } from '@libp2p/interface';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { Outbox } from '../../src/peer/swarm/outbox.ts';
import { testNodeId } from '../support/node-ids.ts';
import { eventually } from '../support/peer-nodes.ts';
import { type RawPeer, rawStream, startRawPeer } from '../support/raw-peer.ts';

const PROTOCOL = '/listening/1';
const [FIRST, SECOND, THIRD] = [testNodeId(1), testNodeId(2), testNodeId(3)];

let listener: RawPeer;
let sender: RawPeer;
let clock: ManualClock;
let lost: string[];
let ended: number;
let received: string[];

// One real peer stands for all members: each stream of the outbox is a stream to it.
beforeEach(async () => {
  [lost, received, ended] = [[], [], 0];
  clock = new ManualClock();
  sender = await startRawPeer();
  listener = await startRawPeer({
    [PROTOCOL]: (stream) => {
      stream.addEventListener('message', ({ data }) => received.push(Buffer.from(data.subarray()).toString()));
      stream.addEventListener('close', () => ended++);
      stream.addEventListener('end', () => void stream.close());
    },
  });
});
afterEach(async () => {
  await sender.libp2p.stop();
  await listener.libp2p.stop();
});

const open = () => rawStream(sender, listener.network.port, PROTOCOL);
const startOutbox = (opener: (proveAnew: boolean, signal: AbortSignal) => Promise<Stream> = open) => {
  const deps = { clock, log: silentLogger, lost: (nodeId: string) => void lost.push(nodeId) };
  return new Outbox({ ...deps, open: (_, proveAnew, signal) => opener(proveAnew, signal) }, { maxLanes: 2 });
};
const text = (message: string) => Buffer.from(message);

test('the stream that was silent longest makes room, and what was sent on it arrives', async () => {
  const outbox = startOutbox();
  outbox.send(FIRST, text('a'));
  await eventually(() => received.length === 1);
  outbox.send(SECOND, text('b'));
  await eventually(() => received.length === 2);
  outbox.send(FIRST, text('c'));
  outbox.send(SECOND, text('d'));
  outbox.send(FIRST, text('e'));
  outbox.send(THIRD, text('f'));
  await eventually(() => received.join('').length === 6);
  await eventually(() => ended === 1);
  clock.advance(0);
  expect(lost).toEqual([]);
  expect(received.join('').split('').sort().join('')).toBe('abcdef');
  outbox.stop();
  await eventually(() => ended === 3);
});

test('where the one that makes room was not yet reached, it is lost', async () => {
  const outbox = startOutbox(
    (_, signal) => new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  for (const member of [FIRST, SECOND, THIRD]) outbox.send(member, text('a'));
  expect(lost).toEqual([]);
  clock.advance(0);
  expect(lost).toEqual([FIRST]);
  outbox.stop();
});

test('what waits for a member is bounded before it is reached', async () => {
  const signals: AbortSignal[] = [];
  const outbox = startOutbox((_, signal) => {
    signals.push(signal);
    return open();
  });
  for (let count = 0; count < 5; count++) outbox.send(FIRST, Buffer.alloc(64 * 1024));
  clock.advance(0);
  expect(lost).toEqual([FIRST]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  outbox.stop();
});

test('after a failure a member has to prove itself anew, until it was reached', async () => {
  const proofs: boolean[] = [];
  const streams: Stream[] = [];
  const outbox = startOutbox(async (proveAnew) => {
    proofs.push(proveAnew);
    if (proofs.length === 1) throw new Error('unreachable');
    streams.push(await open());
    return streams.at(-1) as Stream;
  });
  const fails = async (count: number) =>
    eventually(() => {
      clock.advance(0);
      return lost.length === count;
    });
  outbox.send(FIRST, text('a'));
  await fails(1);
  clock.advance(999);
  outbox.send(FIRST, text('b'));
  await fails(2);
  expect(proofs).toEqual([false]);
  clock.advance(1);
  outbox.send(FIRST, text('c'));
  await eventually(() => received.join('') === 'c');
  // A stream that was closed in silence says nothing against the member.
  clock.advance(120_000);
  outbox.send(FIRST, text('d'));
  await eventually(() => received.join('') === 'cd');
  streams[1]?.abort(new Error('the connection broke'));
  await fails(3);
  clock.advance(1_000);
  outbox.send(FIRST, text('e'));
  await eventually(() => received.join('') === 'cde');
  expect(proofs).toEqual([false, true, false, true]);
  outbox.stop();
});

test('an outbox that was stopped sends nothing and tells nothing', async () => {
  const outbox = startOutbox();
  outbox.send(FIRST, text('a'));
  outbox.tellLost(SECOND);
  outbox.stop();
  outbox.send(FIRST, text('b'));
  outbox.tellLost(THIRD);
  clock.advance(10_000);
  expect([lost, received]).toEqual([[], []]);
});
