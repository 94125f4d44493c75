import { describe, expect, it } from 'vitest';
import { type ContentId, type NodeId, parseContentId } from '../../../../src/core/ids.ts';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { silentLogger } from '../../../../src/observe/log.ts';
import { Roster } from '../../../../src/peer/roster.ts';
import type { SwarmWireBody, SwarmWireMessage } from '../../../../src/peer/swarm/swarm-message.ts';
import type { SwarmBody, SwarmPeer } from '../../../../src/peer/swarm/swarm-port.ts';
import { SwarmTalk } from '../../../../src/peer/swarm/swarm-talk.ts';
import { meetingPoints } from '../../../../src/plan/swarm/weight.ts';
import { writeBye } from '../../../../src/plan/swarm/write-beat.ts';
import { testNodeId } from '../../../support/node-ids.ts';

const FILE = parseContentId('ab'.repeat(32));
const OTHER_FILE = parseContentId('cd'.repeat(32));
const SELF = testNodeId(0);
const at = (host: string, port = 21_780) => ({ host, port });
const hostOf = (index: number) => `10.0.0.${index + 1}`;
const peerOf = (index: number): SwarmPeer => ({ nodeId: testNodeId(index), host: hostOf(index), contentPort: 21_781 });
const byId = (ids: readonly NodeId[]) => [...ids].sort();

interface Changes {
  /** Whether datagrams pass; default not. */
  readonly passes?: boolean;
}

async function startTalk({ passes = false }: Changes = {}) {
  const clock = new ManualClock();
  const roster = await Roster.open({ table: null, clock, log: silentLogger, emit: () => {} });
  roster.attach((host) => host.startsWith('10.0.0.'));
  const sent: { readonly to: NodeId; readonly message: SwarmWireMessage }[] = [];
  const broadcast: ContentId[] = [];
  const heard: [SwarmPeer, ContentId, SwarmBody][] = [];
  const interested: [ContentId, NodeId, number][] = [];
  const lost: NodeId[] = [];
  const talk = new SwarmTalk({
    self: SELF,
    roster,
    clock,
    listener: {
      heard: (...told) => void heard.push(told),
      interested: (...told) => void interested.push(told),
      lost: (nodeId) => void lost.push(nodeId),
    },
    sender: () => ({ send: (to, message) => void sent.push({ to, message }) }),
    tellSubnets: (contentId) => {
      broadcast.push(contentId);
      return passes;
    },
    contentPort: () => 5,
    peerPort: () => 7,
  });
  const know = (count: number) => {
    for (let index = 1; index <= count; index++) {
      roster.hint({ nodeId: testNodeId(index), ...at(hostOf(index)), via: 'mdns' });
    }
  };
  const asks = (index: number, contentId = FILE) => talk.heard(peerOf(index), contentId, { kind: 'interest', port: 9 });
  const answers = () => sent.flatMap(({ to, message: { body } }) => (body.kind === 'interested' ? [{ to, body }] : []));
  return { clock, roster, talk, sent, broadcast, heard, interested, lost, know, asks, answers };
}

describe('telling an interest', () => {
  it('takes a datagram where datagrams pass, and asks nobody else', async () => {
    const { talk, know, broadcast, sent } = await startTalk({ passes: true });
    know(20);
    talk.tellInterest(FILE);
    expect([broadcast, sent]).toEqual([[FILE], []]);
  });

  it('asks the meeting points of the content where none pass, with the port of the own listener', async () => {
    const { talk, roster, know, sent } = await startTalk();
    know(20);
    talk.tellInterest(FILE);
    const points = meetingPoints(
      FILE,
      roster.usable().map(({ nodeId }) => nodeId),
    );
    expect(points).toHaveLength(8);
    const message = { contentId: FILE, contentPort: 5, body: { kind: 'interest', port: 7 } };
    expect(sent).toEqual(points.map((to) => ({ to, message })));
  });

  it('leaves out peers that rest after a failure', async () => {
    const { talk, roster, know, sent } = await startTalk();
    know(3);
    roster.failed(testNodeId(2), 'E_PEER_UNREACHABLE');
    talk.tellInterest(FILE);
    expect(byId(sent.map(({ to }) => to))).toEqual(byId([testNodeId(1), testNodeId(3)]));
  });

  it('asks peers of other subnets, whom no datagram reaches, in any case', async () => {
    const { talk, roster, know, sent } = await startTalk({ passes: true });
    know(5);
    roster.hint({ nodeId: testNodeId(50), ...at('172.16.0.1'), via: 'static' });
    talk.tellInterest(FILE);
    expect(sent.map(({ to }) => to)).toEqual([testNodeId(50)]);
  });

  it('says nothing before the channel is open', async () => {
    const { roster, clock } = await startTalk();
    roster.hint({ nodeId: testNodeId(1), ...at(hostOf(1)), via: 'mdns' });
    const ports = { contentPort: () => 5, peerPort: () => 7 };
    const listener = { heard: () => {}, interested: () => {}, lost: () => {} };
    const ways = { sender: () => null, tellSubnets: () => false };
    const talk = new SwarmTalk({ self: SELF, roster, clock, listener, ...ways, ...ports });
    expect(() => talk.tellInterest(FILE)).not.toThrow();
  });
});

describe('an interest of others', () => {
  it('is told on and remembered, whether a datagram or a member brought it', async () => {
    const { clock, talk, interested, asks } = await startTalk();
    talk.heardInterest(FILE, testNodeId(1), hostOf(1), 21_780);
    clock.advance(1_000);
    asks(2);
    expect(interested).toEqual([
      [FILE, testNodeId(1), 0],
      [FILE, testNodeId(2), 0],
    ]);
    expect(talk.interestedIn(FILE)).toEqual([
      { nodeId: testNodeId(2), ageMs: 0 },
      { nodeId: testNodeId(1), ageMs: 1_000 },
    ]);
    expect(talk.interestedIn(OTHER_FILE)).toEqual([]);
  });

  it('tells where its sender listens', async () => {
    const { talk, asks } = await startTalk();
    talk.heardInterest(FILE, testNodeId(1), hostOf(1), 21_780);
    asks(2);
    expect([talk.addressesOf(testNodeId(1)), talk.addressesOf(testNodeId(2))]).toEqual([
      [at(hostOf(1))],
      [at(hostOf(2), 9)],
    ]);
  });

  it('is answered with those who asked before, the last ones first, and where they are', async () => {
    const { clock, talk, roster, asks, answers } = await startTalk();
    asks(1);
    expect(answers()).toEqual([]);
    clock.advance(1_000);
    talk.heardInterest(FILE, testNodeId(2), hostOf(2), 21_780);
    roster.hint({ nodeId: testNodeId(2), ...at('10.0.0.99'), via: 'hello' });
    asks(3);
    const members = [
      { nodeId: testNodeId(2), ageMs: 0, address: at('10.0.0.99') },
      { nodeId: testNodeId(1), ageMs: 1_000, address: at(hostOf(1), 9) },
    ];
    expect(answers()).toEqual([{ to: testNodeId(3), body: { kind: 'interested', members } }]);
    asks(4, OTHER_FILE);
    expect(answers()).toHaveLength(1);
  });

  it('is answered with this node too when it wants the content itself', async () => {
    const { talk, asks, answers } = await startTalk();
    talk.tellInterest(FILE);
    asks(1);
    expect(answers()[0]?.body.members).toEqual([{ nodeId: SELF, ageMs: 0, address: null }]);
    expect(talk.interestedIn(FILE).map(({ nodeId }) => nodeId)).toEqual([testNodeId(1)]);
  });

  it('is answered with at most sixteen', async () => {
    const { asks, answers } = await startTalk();
    for (let index = 1; index <= 20; index++) asks(index);
    const last = answers().at(-1);
    expect(last?.to).toBe(testNodeId(20));
    expect(last?.body.members.map(({ nodeId }) => nodeId)).toEqual(
      Array.from({ length: 16 }, (_, index) => testNodeId(19 - index)),
    );
  });

  it('is not answered again and again, but counts', async () => {
    const { clock, talk, asks, answers } = await startTalk();
    asks(1);
    for (let count = 0; count < 200; count++) asks(2);
    expect(answers()).toHaveLength(64);
    clock.advance(30_000);
    asks(2);
    expect(talk.interestedIn(FILE)[0]).toEqual({ nodeId: testNodeId(2), ageMs: 0 });
    expect(answers()).toHaveLength(65);
  });
});

describe('what members say', () => {
  const beat = { ...writeBye(), members: [1, 2, 3].map((index) => ({ id: testNodeId(index), ageMs: 0 })) };

  it('reaches the listener without what only finding each other needs', async () => {
    const { talk, heard, lost } = await startTalk();
    const evidence = { kind: 'evidence', evidence: new Uint8Array(3) } as const;
    talk.heard(peerOf(1), FILE, { kind: 'beat', beat, addresses: new Map([[testNodeId(2), at(hostOf(2))]]) });
    talk.heard(peerOf(1), FILE, evidence);
    talk.lost(testNodeId(9));
    expect(heard).toEqual([
      [peerOf(1), FILE, { kind: 'beat', beat }],
      [peerOf(1), FILE, evidence],
    ]);
    expect(lost).toEqual([testNodeId(9)]);
  });

  it('tells where others are, as far as that can be', async () => {
    const { talk } = await startTalk();
    const addresses = new Map([
      [testNodeId(2), at(hostOf(2))],
      [testNodeId(3), at('8.8.8.8')],
    ]);
    talk.heard(peerOf(1), FILE, { kind: 'beat', beat, addresses });
    expect([talk.addressesOf(testNodeId(2)), talk.addressesOf(testNodeId(3))]).toEqual([[at(hostOf(2))], []]);
  });

  it('as the answer of a meeting point names others, never this node itself', async () => {
    const { talk, interested } = await startTalk();
    const members = [
      { nodeId: SELF, ageMs: 1, address: at(hostOf(0)) },
      { nodeId: testNodeId(2), ageMs: 2, address: at(hostOf(2)) },
      { nodeId: testNodeId(3), ageMs: 3, address: null },
    ];
    talk.heard(peerOf(1), FILE, { kind: 'interested', members });
    expect(interested).toEqual([
      [FILE, testNodeId(2), 2],
      [FILE, testNodeId(3), 3],
    ]);
    expect([talk.addressesOf(testNodeId(2)), talk.addressesOf(SELF)]).toEqual([[at(hostOf(2))], []]);
    // Hearsay: it is not passed on to those who ask here.
    expect(talk.interestedIn(FILE)).toEqual([]);
  });

  it('is sent with the addresses that this node knows of the members it names', async () => {
    const { talk, know, sent, asks } = await startTalk();
    know(1);
    asks(2);
    talk.send(testNodeId(4), FILE, { kind: 'beat', beat });
    const evidence = { kind: 'evidence', evidence: new Uint8Array(3) } as const;
    talk.send(testNodeId(4), FILE, evidence);
    const addresses = new Map([
      [testNodeId(1), at(hostOf(1))],
      [testNodeId(2), at(hostOf(2), 9)],
    ]);
    const bodies: SwarmWireBody[] = [{ kind: 'beat', beat, addresses }, evidence];
    expect(sent).toEqual(
      bodies.map((body) => ({ to: testNodeId(4), message: { contentId: FILE, contentPort: 5, body } })),
    );
  });
});
