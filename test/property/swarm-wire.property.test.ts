import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NearbitsError } from '../../src/core/errors.ts';
import { type NodeId, parseContentId } from '../../src/core/ids.ts';
import { BadPieceEvidenceSchema } from '../../src/gen/nearbits/v1/descriptor_pb.js';
import { nodeIdOf } from '../../src/peer/identity.ts';
import { FrameReader } from '../../src/peer/protocol/frame-reader.ts';
import { frame } from '../../src/peer/protocol/frames.ts';
import { ipText } from '../../src/peer/protocol/ip-bytes.ts';
import { decodeSwarmMessage, encodeSwarmMessage } from '../../src/peer/protocol/swarm-codec.ts';
import type { SwarmAddress, SwarmWireBody, SwarmWireMessage } from '../../src/peer/swarm/swarm-message.ts';
import type { Beat } from '../../src/plan/swarm/announcements.ts';
import { runsOf } from '../../src/plan/swarm/piece-set.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const number = fc.oneof(fc.nat(100_000), fc.maxSafeNat());
const nodeId = bytes(32).map(nodeIdOf);
const address: fc.Arbitrary<SwarmAddress> = fc.record({
  host: fc.oneof(bytes(4), bytes(16)).map((raw) => ipText(raw) as string),
  port: fc.integer({ min: 1, max: 65_535 }),
});

const lease = fc
  .record({
    first: fc.nat(8_191),
    length: fc.integer({ min: 1, max: 200 }),
    position: number,
    ageMs: number,
    takenOver: fc.boolean(),
  })
  .map(({ length, ...rest }) => ({ ...rest, end: Math.min(rest.first + length, 8_192) }));
const pieces = fc.uniqueArray(fc.nat(8_191), { maxLength: 300 }).map((list) => runsOf(list.sort((a, b) => a - b)));

const beat: fc.Arbitrary<Beat> = fc.record({
  kind: fc.constantFrom('hello', 'welcome', 'beat', 'no-room', 'bye'),
  have: pieces,
  complete: fc.constant(false),
  lease: fc.option(lease),
  seat: fc.boolean(),
  passive: fc.boolean(),
  distrusts: fc.boolean(),
  others: fc.array(
    fc.tuple(lease, nodeId, number).map(([fact, holder, silentMs]) => ({ ...fact, holder, silentMs })),
    { maxLength: 64 },
  ),
  usualRate: fc.nat(2 ** 40).map((rate) => rate / 1_000),
  pulseAgeMs: number,
  members: fc.array(fc.record({ id: nodeId, ageMs: number }), { maxLength: 64 }),
});

// Some members of the beat have an address.
const beatBody = fc
  .tuple(beat, fc.array(fc.option(address), { maxLength: 64 }))
  .map(([said, places]): SwarmWireBody => {
    const addresses = new Map<NodeId, SwarmAddress>();
    for (const [index, { id }] of said.members.entries()) {
      const place = places[index];
      if (place) addresses.set(id as NodeId, place);
    }
    return { kind: 'beat', beat: said, addresses };
  });
const evidence = fc
  .record({ nodeId: fc.string({ maxLength: 60 }), receipt: fc.record({ receipt: bytes(80), signature: bytes(64) }) })
  .map((parts) => toBinary(BadPieceEvidenceSchema, create(BadPieceEvidenceSchema, parts)));

const member = fc.record({ nodeId, ageMs: number, address: fc.option(address) });
const body: fc.Arbitrary<SwarmWireBody> = fc.oneof(
  beatBody,
  evidence.map((bytes): SwarmWireBody => ({ kind: 'evidence', evidence: bytes })),
  fc.integer({ min: 1, max: 65_535 }).map((port): SwarmWireBody => ({ kind: 'interest', port })),
  fc.array(member, { maxLength: 16 }).map((members): SwarmWireBody => ({ kind: 'interested', members })),
);
const message: fc.Arbitrary<SwarmWireMessage> = fc.record({
  contentId: bytes(32).map((raw) => parseContentId(Buffer.from(raw).toString('hex'))),
  contentPort: fc.nat(65_535),
  body,
});

/** Reads hostile bytes: a message or E_PEER_PROTOCOL, anything else fails the property. */
function survives(bytes: Uint8Array): void {
  try {
    decodeSwarmMessage(bytes);
  } catch (error) {
    if (!(error instanceof NearbitsError) || error.code !== 'E_PEER_PROTOCOL') throw error;
  }
}

test('every message arrives as it was sent', () => {
  fc.assert(
    fc.property(message, (said) => {
      expect(decodeSwarmMessage(encodeSwarmMessage(said))).toEqual(said);
    }),
  );
});

test('no bytes do harm', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), survives), { numRuns: 1_000 });
});

test('no damage to a message does harm', () => {
  const cuts = fc.record({ at: fc.nat(), value: fc.nat(255), length: fc.nat() });
  fc.assert(
    fc.property(message, cuts, (said, { at, value, length }) => {
      const bytes = Uint8Array.from(encodeSwarmMessage(said));
      bytes[at % bytes.length] = value;
      survives(bytes);
      survives(bytes.subarray(0, length % bytes.length));
    }),
    { numRuns: 500 },
  );
});

test('messages in a stream are cut at their ends', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 })),
      fc.infiniteStream(fc.integer({ min: 1, max: 400 })),
      (list, sizes) => {
        const stream = Buffer.concat(list.map(frame));
        const reader = new FrameReader(300);
        const read: Uint8Array[] = [];
        for (let at = 0; at < stream.length; ) {
          const end = at + (sizes.next().value as number);
          for (const part of reader.add(stream.subarray(at, end))) read.push(part);
          at = end;
        }
        expect(read.map((part) => [...part])).toEqual(list.map((part) => [...part]));
      },
    ),
  );
});
