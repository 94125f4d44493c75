import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { SwarmMessageSchema } from '../../../../src/gen/nearbits/v1/swarm_pb.js';
import { peerIdBytes } from '../../../../src/peer/identity.ts';
import { encodeEvidence, signPieceReceipt, verifyEvidence } from '../../../../src/peer/protocol/receipt-codec.ts';
import { decodeSwarmMessage, encodeSwarmMessage } from '../../../../src/peer/protocol/swarm-codec.ts';
import type { SwarmWireBody } from '../../../../src/peer/swarm/swarm-message.ts';
import type { Beat } from '../../../../src/plan/swarm/announcements.ts';
import { writeBye } from '../../../../src/plan/swarm/write-beat.ts';
import { newIdentity } from '../../../support/peer-nodes.ts';
import { CONTENT } from '../../../support/swarm-nodes.ts';

const { nodeId } = newIdentity();
const peerId = peerIdBytes(nodeId);
const LEASE = { first: 4, end: 8, position: 5_000_000, ageMs: 1_500, takenOver: true };

const pass = (body: SwarmWireBody) =>
  decodeSwarmMessage(encodeSwarmMessage({ contentId: CONTENT, contentPort: 21_781, body }));
const beat = (parts: Partial<Beat>): SwarmWireBody => ({
  kind: 'beat',
  beat: { ...writeBye(), ...parts },
  addresses: new Map(),
});

test('a beat arrives as it was sent, with the addresses of its members', () => {
  const said: Beat = {
    kind: 'welcome',
    have: [
      { first: 0, end: 3 },
      { first: 5, end: 6 },
      { first: 8_000, end: 8_192 },
    ],
    complete: false,
    lease: LEASE,
    seat: true,
    passive: true,
    distrusts: true,
    others: [{ ...LEASE, takenOver: false, holder: nodeId, silentMs: 700 }],
    usualRate: 12_500.5,
    pulseAgeMs: 30,
    members: [{ id: nodeId, ageMs: 12 }],
  };
  for (const host of ['10.0.0.7', 'fd00::1', '::ffff:7f00:1', 'fd12:3456:789a:1:2:3:4:5']) {
    const addresses = new Map([[nodeId, { host, port: 4_001 }]]);
    expect(pass({ kind: 'beat', beat: said, addresses })).toEqual({
      contentId: CONTENT,
      contentPort: 21_781,
      body: { kind: 'beat', beat: said, addresses },
    });
  }
});

test('numbers are rounded, and what is no number counts as none', () => {
  const members = [
    { id: nodeId, ageMs: 1.6 },
    { id: nodeId, ageMs: -3 },
    { id: nodeId, ageMs: Number.NaN },
  ];
  const body = pass(beat({ usualRate: 1.23456, pulseAgeMs: Number.POSITIVE_INFINITY, members })).body;
  expect(body).toMatchObject({
    beat: {
      usualRate: 1.235,
      pulseAgeMs: Number.MAX_SAFE_INTEGER,
      members: [{ ageMs: 2 }, { ageMs: 0 }, { ageMs: 0 }],
    },
  });
});

test('the largest beat fits, and of too many only the first are named', () => {
  const have = Array.from({ length: 4_096 }, (_, index) => ({ first: 2 * index, end: 2 * index + 1 }));
  const others = Array.from({ length: 100 }, () => ({ ...LEASE, holder: nodeId, silentMs: 1e12 }));
  const members = Array.from({ length: 100 }, () => ({ id: nodeId, ageMs: 1e12 }));
  const addresses = new Map([[nodeId, { host: 'fd12:3456:789a:1:2:3:4:5', port: 4_001 }]]);
  const { body } = pass({ kind: 'beat', beat: { ...writeBye(), have, others, members }, addresses });
  expect(body).toMatchObject({ beat: { have, others: others.slice(0, 64), members: members.slice(0, 64) } });
  const interested = Array.from({ length: 20 }, () => ({ nodeId, ageMs: 1, address: null }));
  expect(pass({ kind: 'interested', members: interested }).body).toEqual({
    kind: 'interested',
    members: interested.slice(0, 16),
  });
});

test('interest and evidence arrive as they were sent', () => {
  expect(pass({ kind: 'interest', port: 4_001 }).body).toEqual({ kind: 'interest', port: 4_001 });
  const identity = newIdentity();
  const receipt = { descriptorId: new Uint8Array(32).fill(1), pieceIndex: 3, sha256: new Uint8Array(32).fill(2) };
  const evidence = encodeEvidence(identity.nodeId, signPieceReceipt(receipt, identity));
  const { body } = pass({ kind: 'evidence', evidence });
  if (body.kind !== 'evidence') throw new Error('it became something else');
  expect([...body.evidence]).toEqual([...evidence]);
  expect(verifyEvidence(body.evidence).nodeId).toBe(identity.nodeId);
});

test('an address with a zone, which means nothing elsewhere, is left out', () => {
  const member = { nodeId, ageMs: 1, address: { host: 'fe80::1%eth0', port: 4_001 } };
  expect(pass({ kind: 'interested', members: [member] }).body).toEqual({
    kind: 'interested',
    members: [{ ...member, address: null }],
  });
});

test('what cannot be said is not written', () => {
  for (const have of [
    [{ first: 3, end: 3 }],
    [{ first: 8_000, end: 8_193 }],
    [
      { first: 3, end: 5 },
      { first: 4, end: 6 },
    ],
  ]) {
    expect(() => pass(beat({ have }))).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
  }
  expect(() => pass(beat({ members: [{ id: 'nobody', ageMs: 1 }] }))).toThrow(
    expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }),
  );
  const tooLong = { kind: 'evidence' as const, evidence: new Uint8Array(513) };
  expect(() => pass(tooLong)).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
});

test('what breaks a rule is refused', () => {
  const contentId = Buffer.from(CONTENT, 'hex');
  const ok = { contentId, contentPort: 1 };
  const lease = { first: 0, end: 1 };
  const body = (value: object) => ({ ...ok, body: { case: 'beat', value: { kind: 1, ...value } } });
  const named = (...members: object[]) => ({ ...ok, body: { case: 'interested', value: { members } } });
  const refused: object[] = [
    ok,
    { ...ok, body: { case: 'interest', value: {} } },
    { ...ok, body: { case: 'interest', value: { port: 65_536 } } },
    { ...body({}), contentId: contentId.subarray(1) },
    { ...body({}), contentPort: 65_536 },
    body({ kind: 0 }),
    body({ kind: 6 }),
    body({ have: [1] }),
    body({ have: [0, 0] }),
    body({ have: [8_192, 1] }),
    body({ have: [0, 4_294_967_295] }),
    body({ have: Array(16_386).fill(0) }),
    body({ have: [0, 1], complete: true }),
    body({ lease: { first: 1, end: 1 } }),
    body({ lease: { first: 1, end: 8_193 } }),
    body({ lease: { ...lease, position: 2n ** 53n } }),
    body({ lease: { ...lease, ageMs: 2n ** 64n - 1n } }),
    body({ usualRate: 2n ** 60n }),
    body({ pulseAgeMs: 2n ** 53n }),
    body({ others: [{ holder: peerId }] }),
    body({ others: [{ lease }] }),
    body({ others: Array(65).fill({ lease, holder: peerId }) }),
    body({ members: Array(65).fill({ peerId }) }),
    body({ members: [{ peerId: peerId.subarray(1) }] }),
    body({ members: [{ peerId: new Uint8Array(38) }] }),
    named(...Array(17).fill({ peerId })),
    named({ peerId, address: new Uint8Array(5), port: 1 }),
    named({ peerId, address: new Uint8Array(4) }),
    named({ peerId, address: new Uint8Array(4), port: 65_536 }),
    named({ peerId, ageMs: 2n ** 63n }),
    { ...ok, body: { case: 'evidence', value: { nodeId: 'x'.repeat(600) } } },
  ];
  for (const [index, message] of refused.entries()) {
    const init = message as MessageInitShape<typeof SwarmMessageSchema>;
    const bytes = toBinary(SwarmMessageSchema, create(SwarmMessageSchema, init));
    expect(() => decodeSwarmMessage(bytes), `message ${index}`).toThrow(
      expect.objectContaining({ code: 'E_PEER_PROTOCOL' }),
    );
  }
  expect(
    decodeSwarmMessage(toBinary(SwarmMessageSchema, create(SwarmMessageSchema, body({}) as object))).body.kind,
  ).toBe('beat');
});

test('a message that would take much memory is refused before it does', () => {
  // 30,000 empty members in 60 KiB.
  const members = Buffer.alloc(60_000, Uint8Array.of(0x0a, 0x00));
  const tag = (number: number, length: number) =>
    Buffer.from([(number << 3) | 2, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
  expect(() => decodeSwarmMessage(Buffer.concat([tag(6, members.length), members]))).toThrow(/too many fields/);
  expect(() => decodeSwarmMessage(new Uint8Array(65_537))).toThrow(/too large/);
});
