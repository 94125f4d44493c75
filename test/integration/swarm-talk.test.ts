import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseContentId } from '../../src/core/ids.ts';
import type { SwarmBody } from '../../src/peer/swarm/swarm-port.ts';
import { writeBye } from '../../src/plan/swarm/write-beat.ts';
import { CacheFixture } from '../support/cache-fixture.ts';
import { freeUdpPort } from '../support/free-port.ts';
import { introduce, LOOPBACK, TestDomain } from '../support/peer-nodes.ts';
import { type SwarmSide, type SwarmSideOptions, startSwarmSide } from '../support/swarm-sides.ts';
import { tempDir } from '../support/temp-dir.ts';

const FILE = parseContentId('ab'.repeat(32));
const PATIENCE = { timeout: 15_000, interval: 10 };

let dir: Awaited<ReturnType<typeof tempDir>>;
let domain: TestDomain;
let cache: CacheFixture;

beforeAll(async () => {
  dir = await tempDir();
  domain = new TestDomain(`${dir.path}/domain`);
  cache = new CacheFixture(dir.path);
  await cache.open();
});
afterAll(async () => {
  await cache.close();
  await dir[Symbol.asyncDispose]();
});

const start = (config: SwarmSideOptions['config'] = {}) => startSwarmSide({ domain, cache, config });
const idsOf = (...sides: SwarmSide[]) => new Set(sides.map(({ identity }) => identity.nodeId));
const beat = (members: readonly SwarmSide[] = []): SwarmBody => ({
  kind: 'beat',
  beat: { ...writeBye(), members: members.map(({ identity }) => ({ id: identity.nodeId, ageMs: 0 })) },
});

async function reaches(from: SwarmSide, to: SwarmSide): Promise<void> {
  from.talk.send(to.identity.nodeId, FILE, beat());
  const peer = { nodeId: from.identity.nodeId, host: LOOPBACK, contentPort: from.side.ports.content };
  await expect.poll(() => to.heard, PATIENCE).toContainEqual({ from: peer, contentId: FILE, body: beat() });
}

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('where datagrams pass', () => {
  it('all hear who wants a content, remember it, and can talk to it', async () => {
    const discovery = { interfaces: [LOOPBACK], port: await freeUdpPort() };
    await using alice = await start({ discovery });
    await using bob = await start({ discovery });
    await using carol = await start({ discovery });
    await expect.poll(() => alice.roster.size, PATIENCE).toBe(2);
    alice.talk.tellInterest(FILE);
    await expect.poll(() => [bob.interested, carol.interested], PATIENCE).toEqual([idsOf(alice), idsOf(alice)]);
    expect(bob.talk.interestedIn(FILE).map(({ nodeId }) => nodeId)).toEqual([alice.identity.nodeId]);
    expect(alice.interested.size).toBe(0);
    // The datagram said all that is needed.
    bob.roster.clear();
    await reaches(bob, alice);
    expect(alice.side.discovery?.dropped.own).toBeGreaterThan(0);
  });
});

describe('where nothing can be broadcast', () => {
  it('two that know the same third one meet there, and can talk to each other', async () => {
    await using point = await start();
    await using alice = await start();
    await using bob = await start();
    introduce(alice, point);
    introduce(bob, point);
    alice.talk.tellInterest(FILE);
    await expect.poll(() => point.interested, PATIENCE).toEqual(idsOf(alice));
    bob.talk.tellInterest(FILE);
    await expect.poll(() => bob.interested, PATIENCE).toEqual(idsOf(alice));
    expect(bob.roster.get(alice.identity.nodeId)).toBeUndefined();
    await reaches(bob, alice);
    expect(point.talk.interestedIn(FILE).map(({ nodeId }) => nodeId)).toEqual([...idsOf(bob, alice)]);
    expect([alice.lost, bob.lost, point.lost]).toEqual([[], [], []]);
  });

  it('who wants the content itself is met as well, although it knows nobody to tell', async () => {
    await using first = await start();
    await using second = await start();
    first.talk.tellInterest(FILE);
    introduce(second, first);
    second.talk.tellInterest(FILE);
    await expect.poll(() => [second.interested, first.interested], PATIENCE).toEqual([idsOf(first), idsOf(second)]);
    await reaches(first, second);
  });

  it('all of a crowd that know most of each other meet within two rounds', async () => {
    await using stack = new AsyncDisposableStack();
    const crowd: SwarmSide[] = [];
    for (let count = 0; count < 12; count++) crowd.push(stack.use(await start()));
    // Each misses another one; the points of all are mostly the same.
    for (const [index, side] of crowd.entries()) {
      introduce(side, ...crowd.filter((other, at) => other !== side && at !== (index + 1) % crowd.length));
    }
    for (const side of crowd) side.talk.tellInterest(FILE);
    await expect.poll(() => Math.min(...crowd.map((side) => side.interested.size)), PATIENCE).toBeGreaterThan(0);
    for (const side of crowd) side.talk.tellInterest(FILE);
    const allKnowAll = () => crowd.every((side) => side.interested.size === crowd.length - 1);
    await expect.poll(allKnowAll, PATIENCE).toBe(true);
    expect(crowd.flatMap(({ lost }) => lost)).toEqual([]);
  });

  it('members name each other with their addresses', async () => {
    await using hub = await start();
    await using alice = await start();
    await using bob = await start();
    introduce(hub, alice, bob);
    introduce(alice, hub);
    hub.talk.send(alice.identity.nodeId, FILE, beat([bob]));
    await expect.poll(() => alice.talk.addressesOf(bob.identity.nodeId), PATIENCE).toHaveLength(1);
    await reaches(alice, bob);
  });

  it('a member that cannot be found is lost', async () => {
    await using alice = await start();
    await using bob = await start();
    bob.talk.send(alice.identity.nodeId, FILE, beat());
    await expect.poll(() => bob.lost, PATIENCE).toEqual([alice.identity.nodeId]);
  });
});

it.each([
  ['where policy forbids it', { swarm: { enabled: false } }],
  ['when it serves nobody', { peers: { server: false } }],
])('a node takes no part %s', async (_, config) => {
  await using alone = await start(config);
  await using other = await start();
  introduce(other, alone);
  expect(alone.side.swarm).toBeNull();
  other.talk.tellInterest(FILE);
  await expect.poll(() => other.lost, PATIENCE).toEqual([alone.identity.nodeId]);
  expect(other.roster.get(alone.identity.nodeId)?.authenticatedUntilMs).not.toBeNull();
});
