import type { Stream } from '@libp2p/interface';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { exchangeMessages, frame, readMessage, writeMessage } from '../../src/peer/protocol/frames.ts';
import { encodeChain, encodeReply } from '../../src/peer/protocol/membership-codec.ts';
import { encodeSwarmMessage } from '../../src/peer/protocol/swarm-codec.ts';
import { MEMBERSHIP_PROTOCOL, SWARM_PROTOCOL } from '../../src/peer/protocol/wire.ts';
import { writeBye } from '../../src/plan/swarm/write-beat.ts';
import {
  eventually,
  introduce,
  LOOPBACK,
  newIdentity,
  searchAll,
  startNode,
  TestDomain,
} from '../support/peer-nodes.ts';
import { type RawPeer, rawStream, startRawPeer, streamEnd } from '../support/raw-peer.ts';
import { CONTENT, numbered, type SwarmNode, startSwarmNode } from '../support/swarm-nodes.ts';
import { tempDir } from '../support/temp-dir.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let domain: TestDomain;
const none = new AbortController().signal;

beforeAll(async () => {
  dir = await tempDir();
  domain = new TestDomain(`${dir.path}/domain`);
});
afterAll(() => dir[Symbol.asyncDispose]());

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const wire = (number: number) => frame(encodeSwarmMessage(numbered(number)));

/** A raw peer that has proven its membership to a node, and can do so again. */
async function startMember(node: SwarmNode): Promise<RawPeer & { readonly prove: () => Promise<void> }> {
  const identity = newIdentity();
  const { chainDer } = await domain.join(identity);
  const raw = await startRawPeer({}, identity);
  const prove = async () => {
    const proof = await rawStream(raw, node.network.port, MEMBERSHIP_PROTOCOL);
    await exchangeMessages(proof, encodeChain(chainDer), 20_000, none);
  };
  await prove();
  return { ...raw, prove };
}

/** A message of 8.2 KiB. */
const LARGE = largeMessage();

function largeMessage(): Uint8Array {
  const have = upTo(4_096).map((index) => ({ first: 2 * index, end: 2 * index + 1 }));
  const body = { kind: 'beat' as const, beat: { ...writeBye(), have }, addresses: new Map() };
  return frame(encodeSwarmMessage({ ...numbered(1), body }));
}

test('strangers that meet prove their membership, and messages arrive both ways in order', async () => {
  await using alice = await startSwarmNode(domain);
  await using bob = await startSwarmNode(domain);
  introduce(alice, bob);
  for (const number of upTo(300)) alice.swarm.send(bob.identity.nodeId, numbered(number));
  await eventually(() => bob.heard.length === 300);
  expect(bob.numbersOf(alice)).toEqual(upTo(300));
  expect(bob.heard[0]?.from).toEqual({ nodeId: alice.identity.nodeId, host: LOOPBACK, contentPort: 21_781 });
  expect(alice.roster.get(bob.identity.nodeId)?.authenticatedUntilMs).toBe(bob.membership.notAfterMs);
  // Bob answers over the connection that Alice opened; he knows no address of hers.
  for (const number of upTo(20)) bob.swarm.send(alice.identity.nodeId, numbered(number));
  await eventually(() => alice.heard.length === 20);
  expect(alice.numbersOf(bob)).toEqual(upTo(20));
  expect(alice.network.connections()).toHaveLength(1);
  expect([alice.lost, bob.lost]).toEqual([[], []]);
});

test('two that call each other at once both get through', async () => {
  await using alice = await startSwarmNode(domain);
  await using bob = await startSwarmNode(domain);
  introduce(alice, bob);
  introduce(bob, alice);
  for (const number of upTo(10)) {
    alice.swarm.send(bob.identity.nodeId, numbered(number));
    bob.swarm.send(alice.identity.nodeId, numbered(number));
  }
  await eventually(() => alice.heard.length === 10 && bob.heard.length === 10);
  expect([alice.lost, bob.lost]).toEqual([[], []]);
});

test('addresses of members that the roster does not know are asked of the listener', async () => {
  await using bob = await startSwarmNode(domain);
  const addressesOf = () => [{ host: LOOPBACK, port: bob.network.port }];
  await using alice = await startSwarmNode(domain, {}, { addressesOf });
  alice.swarm.send(bob.identity.nodeId, numbered(1));
  await eventually(() => bob.heard.length === 1);
});

test('a member that cannot be reached is lost, once for all that waited, and at once for a second', async () => {
  const clock = new ManualClock(Date.now());
  await using alice = await startSwarmNode(domain, { clock });
  const dead = { identity: newIdentity(), network: { port: 1 } };
  introduce(alice, dead);
  const { nodeId } = dead.identity;
  for (const number of upTo(10)) alice.swarm.send(nodeId, numbered(number));
  await eventually(() => {
    clock.advance(0);
    return alice.lost.length > 0;
  });
  expect(alice.roster.get(nodeId)?.failures).toBe(1);
  alice.swarm.send(nodeId, numbered(10));
  alice.swarm.send(nodeId, numbered(11));
  expect(alice.lost).toEqual([nodeId]);
  clock.advance(0);
  expect(alice.lost).toEqual([nodeId, nodeId]);
  expect(alice.roster.get(nodeId)?.failures).toBe(1);
  clock.advance(1_000);
  alice.swarm.send(nodeId, numbered(12));
  await eventually(() => alice.roster.get(nodeId)?.failures === 2);
});

test('a member that dies is lost, and found again after its restart although it has forgotten everybody', async () => {
  await using alice = await startSwarmNode(domain);
  const bob = await startSwarmNode(domain);
  const { identity, membership } = bob;
  const { port } = bob.network;
  introduce(alice, bob);
  alice.swarm.send(identity.nodeId, numbered(1));
  await eventually(() => bob.heard.length === 1);
  await bob.network.stop();
  await eventually(() => alice.lost.length === 1);
  await using again = await startSwarmNode(domain, { identity, membership, port });
  await eventually(() => {
    if (alice.lost.length > 0) alice.swarm.send(identity.nodeId, numbered(alice.lost.splice(0).length));
    return again.heard.length > 0;
  });
});

test('a node of another domain is lost and hears nothing', async () => {
  await using stranger = await startSwarmNode(new TestDomain(`${dir.path}/foreign`));
  await using alice = await startSwarmNode(domain);
  introduce(alice, stranger);
  alice.swarm.send(stranger.identity.nodeId, numbered(1));
  await eventually(() => alice.lost.length === 1);
  expect(stranger.heard).toEqual([]);
  expect(alice.roster.entries()).toEqual([]);
});

test('a member that does not speak the protocol is lost and stays in the roster', async () => {
  await using alice = await startSwarmNode(domain);
  await using old = await startNode(domain);
  introduce(alice, old);
  alice.swarm.send(old.identity.nodeId, numbered(1));
  await eventually(() => alice.lost.length === 1);
  expect(alice.roster.get(old.identity.nodeId)).toMatchObject({ failures: 0, available: true });
  expect((await searchAll(alice))[0]?.status).toBe('not-found');
  expect(old.network.swarm).toBeNull();
});

test('streams on which nothing is said are closed without a word and opened again', async () => {
  const clock = new ManualClock(Date.now());
  await using alice = await startSwarmNode(domain, { clock });
  await using bob = await startSwarmNode(domain);
  introduce(alice, bob);
  const { nodeId } = bob.identity;
  alice.swarm.send(nodeId, numbered(1));
  await eventually(() => bob.heard.length === 1);
  clock.advance(60_000);
  alice.swarm.send(nodeId, numbered(2));
  await eventually(() => bob.heard.length === 2);
  clock.advance(60_000);
  alice.swarm.send(nodeId, numbered(3));
  await eventually(() => bob.heard.length === 3);
  clock.advance(120_000);
  alice.swarm.send(nodeId, numbered(4));
  await eventually(() => bob.heard.length === 4);
  clock.advance(0);
  expect(bob.numbersOf(alice)).toEqual([1, 2, 3, 4]);
  expect(alice.lost).toEqual([]);
});

test('a stranger is not heard', async () => {
  await using alice = await startSwarmNode(domain);
  await using stranger = await startRawPeer();
  const stream = await rawStream(stranger, alice.network.port, SWARM_PROTOCOL);
  expect(await streamEnd(stream)).toBe('reset');
});

test('a message may come in any pieces, and several in one', async () => {
  await using alice = await startSwarmNode(domain);
  await using member = await startMember(alice);
  const stream = await rawStream(member, alice.network.port, SWARM_PROTOCOL);
  for (const byte of wire(0)) stream.send(Uint8Array.of(byte));
  stream.send(Buffer.concat([wire(1), wire(2), wire(3).subarray(0, 5)]));
  stream.send(wire(3).subarray(5));
  await eventually(() => alice.heard.length === 4);
  expect(alice.numbersOf(member)).toEqual(upTo(4));
});

test('a member is told of more room only when half of it is used', async () => {
  await using alice = await startSwarmNode(domain);
  await using member = await startMember(alice);
  const stream = await rawStream(member, alice.network.port, SWARM_PROTOCOL);
  const room = () => (stream as unknown as { readonly sendWindowCapacity: number }).sendWindowCapacity;
  const half = room() / 2;
  const send = async (count: number) => {
    const before = alice.heard.length;
    for (const _ of upTo(count)) stream.send(LARGE);
    await eventually(() => alice.heard.length === before + count);
    // Over the same connection: what Alice said before has come before her answer.
    await member.prove();
  };
  const most = Math.floor(half / LARGE.length) - 1;
  await send(most);
  expect(room()).toBeLessThanOrEqual(2 * half - most * LARGE.length);
  await send(4);
  expect(room()).toBeGreaterThan(half);
});

test('what is no message ends the stream, after those before it were heard', async () => {
  await using alice = await startSwarmNode(domain);
  await using member = await startMember(alice);
  const bodies = [
    Uint8Array.of(0),
    Uint8Array.of(3, 0xff, 0xff, 0xff),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x81, 0x80, 0x04),
    Buffer.alloc(400_000, 0x55),
    frame(encodeSwarmMessage(numbered(1)).subarray(0, 40)),
  ];
  for (const [index, body] of bodies.entries()) {
    const stream = await rawStream(member, alice.network.port, SWARM_PROTOCOL);
    stream.send(Buffer.concat([wire(index), body]));
    expect(await streamEnd(stream)).toBe('reset');
    expect(alice.numbersOf(member)).toEqual(upTo(index + 1));
  }
});

test('a member that says too much loses its stream, and takes nothing from others', async () => {
  const clock = new ManualClock(Date.now());
  await using alice = await startSwarmNode(domain, { clock });
  await using flood = await startMember(alice);
  await using calm = await startMember(alice);
  const stream = await rawStream(flood, alice.network.port, SWARM_PROTOCOL);
  const end = streamEnd(stream);
  stream.send(Buffer.concat(upTo(2_000).map(wire)));
  expect(await end).toBe('reset');
  expect(alice.heard).toHaveLength(1_000);
  (await rawStream(calm, alice.network.port, SWARM_PROTOCOL)).send(wire(1));
  await eventually(() => alice.numbersOf(calm).length === 1);
  clock.advance(1_000);
  (await rawStream(flood, alice.network.port, SWARM_PROTOCOL)).send(wire(1));
  await eventually(() => alice.numbersOf(flood).length === 1_001);
});

test('a large message counts for several', async () => {
  const clock = new ManualClock(Date.now());
  await using alice = await startSwarmNode(domain, { clock });
  await using member = await startMember(alice);
  const stream = await rawStream(member, alice.network.port, SWARM_PROTOCOL);
  const end = streamEnd(stream);
  // Each is five of a thousand.
  for (const _ of upTo(240)) stream.send(LARGE);
  expect(await end).toBe('reset');
  expect(alice.heard).toHaveLength(200);
});

test('of three streams of one member the first is dropped', async () => {
  await using alice = await startSwarmNode(domain);
  await using member = await startMember(alice);
  const streams: Stream[] = [];
  for (const number of upTo(3)) {
    const stream = await rawStream(member, alice.network.port, SWARM_PROTOCOL);
    stream.send(wire(number));
    await eventually(() => alice.heard.length === number + 1);
    streams.push(stream);
  }
  const [first, second, third] = streams as [Stream, Stream, Stream];
  expect(await streamEnd(first)).toBe('reset');
  second.send(wire(3));
  third.send(wire(4));
  await eventually(() => alice.heard.length === 5);
});

test('a listener that throws is heard no less', async () => {
  const broken = () => {
    throw new Error('a bug');
  };
  await using bob = await startSwarmNode(domain, {}, { heard: broken });
  await using alice = await startSwarmNode(domain, {}, { lost: broken });
  introduce(alice, bob, { identity: alice.identity, network: alice.network });
  for (const number of upTo(3)) alice.swarm.send(bob.identity.nodeId, numbered(number));
  await eventually(() => bob.heard.length === 3);
  // Nobody talks to himself, and a message that cannot be written is lost.
  alice.swarm.send(alice.identity.nodeId, numbered(1));
  await eventually(() => alice.lost.length === 1);
  alice.swarm.send(bob.identity.nodeId, { contentId: CONTENT, contentPort: -1, body: { kind: 'interest', port: 1 } });
  await eventually(() => alice.lost.length === 2);
  expect(alice.lost).toEqual([alice.identity.nodeId, bob.identity.nodeId]);
});

/** A member that does with its streams what the handler says. */
async function startScripted(handler: (stream: Stream) => void): Promise<RawPeer> {
  const identity = newIdentity();
  const reply = encodeReply({ status: 'accepted', chain: (await domain.join(identity)).chainDer });
  const accept = (stream: Stream) =>
    void readMessage(stream, 20_000, none).then(() => writeMessage(stream, reply, none));
  return startRawPeer({ [MEMBERSHIP_PROTOCOL]: accept, [SWARM_PROTOCOL]: handler }, identity);
}

test('a member that does not read, and one that answers, are lost', async () => {
  await using alice = await startSwarmNode(domain);
  // Without a listener its stream takes 256 KiB more than its window; as many may wait with us.
  await using deaf = await startScripted((stream) => stream.pause());
  await using chatty = await startScripted((stream) => void stream.send(wire(1)));
  introduce(alice, deaf, chatty);
  alice.swarm.send(chatty.identity.nodeId, numbered(1));
  await eventually(() => alice.lost.length === 1);
  const message = numbered(1);
  const sent = () => {
    for (const _ of upTo(500)) alice.swarm.send(deaf.identity.nodeId, message);
    return alice.lost.length === 2;
  };
  await eventually(sent);
  expect(alice.lost).toEqual([chatty.identity.nodeId, deaf.identity.nodeId]);
});

test('nobody is told of losses when the node stops', async () => {
  await using bob = await startSwarmNode(domain);
  const alice = await startSwarmNode(domain);
  introduce(alice, bob);
  alice.swarm.send(bob.identity.nodeId, numbered(1));
  await eventually(() => bob.heard.length === 1);
  await alice.network.stop();
  alice.swarm.send(bob.identity.nodeId, numbered(2));
  expect(alice.lost).toEqual([]);
  expect(bob.lost).toEqual([]);
});
