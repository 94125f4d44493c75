import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContentId } from '../../src/core/ids.ts';
import { DiscoveryDatagramSchema } from '../../src/gen/nearbits/v1/discovery_pb.js';
import {
  type Announcement,
  decodeDatagram,
  encodeDatagram,
  MAX_DATAGRAM_BYTES,
  newMessageId,
} from '../../src/peer/discovery/datagram.ts';
import { testNodeId } from '../support/node-ids.ts';

const TAG = new Uint8Array(16).fill(3);

const hexId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const contentId = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => parseContentId(Buffer.from(bytes).toString('hex')));
const sender = fc.record({
  nodeId: fc.nat(10_000).map(testNodeId),
  port: fc.integer({ min: 1, max: 65_535 }),
  instance: fc.maxSafeNat(),
});
const announcement: fc.Arbitrary<Announcement> = fc.oneof(
  fc.record({ kind: fc.constantFrom('hello' as const, 'probe' as const), messageId: hexId, sender }),
  fc.record({ kind: fc.constant('probe-match' as const), messageId: hexId, sender, relatesTo: hexId }),
  fc.record({ kind: fc.constant('interest' as const), messageId: hexId, sender, contentId }),
);

describe('a discovery datagram', () => {
  it('reads back as it was written and fits its limit', () => {
    fc.assert(
      fc.property(announcement, (told) => {
        const bytes = encodeDatagram(told, TAG);
        expect(bytes.length).toBeLessThanOrEqual(MAX_DATAGRAM_BYTES / 2);
        expect(decodeDatagram(bytes, TAG)).toEqual(told);
      }),
    );
  });

  it('is refused, never thrown over, when it is any garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(typeof decodeDatagram(bytes, TAG)).toBe('string');
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused when it is cut anywhere', () => {
    fc.assert(
      fc.property(announcement, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (told, part) => {
        const bytes = encodeDatagram(told, TAG);
        expect(typeof decodeDatagram(bytes.subarray(0, Math.floor(bytes.length * part)), TAG)).toBe('string');
      }),
    );
  });

  it('never yields anything out of range when bytes are flipped', () => {
    fc.assert(
      fc.property(announcement, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), (told, flips) => {
        const bytes = encodeDatagram(told, TAG);
        for (const [at, value] of flips) bytes[at % bytes.length] = value;
        const read = decodeDatagram(bytes, TAG);
        if (typeof read === 'string') return;
        expect(read.sender.nodeId).toMatch(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/);
        expect(read.sender.port).toBeGreaterThanOrEqual(1);
        expect(read.sender.port).toBeLessThanOrEqual(65_535);
        expect(Number.isSafeInteger(read.sender.instance)).toBe(true);
        expect(read.messageId).toMatch(/^[0-9a-f]{32}$/);
        if (read.kind === 'interest') expect(read.contentId).toMatch(/^[0-9a-f]{64}$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of another domain, version or size is told apart', () => {
    const told: Announcement = {
      kind: 'hello',
      messageId: newMessageId(),
      sender: { nodeId: testNodeId(1), port: 1, instance: 0 },
    };
    expect(decodeDatagram(encodeDatagram(told, TAG), new Uint8Array(16))).toBe('foreign');
    expect(decodeDatagram(encodeDatagram(told, TAG), TAG.subarray(1))).toBe('foreign');
    expect(decodeDatagram(new Uint8Array(MAX_DATAGRAM_BYTES + 1), TAG)).toBe('oversized');
    const newer = create(DiscoveryDatagramSchema, { version: 2, domainTag: TAG });
    expect(decodeDatagram(toBinary(DiscoveryDatagramSchema, newer), TAG)).toBe('version');
  });

  it.each([
    ['no body', undefined, {}],
    ['no sender', {}, {}],
    ['port 0', { port: 0 }, {}],
    ['a port too large', { port: 65_536 }, {}],
    ['an instance that is no safe number', { instance: 2n ** 53n }, {}],
    ['a PeerId of another kind', { peerId: new Uint8Array(38) }, {}],
    ['a PeerId that is too short', { peerId: new Uint8Array([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]) }, {}],
    ['a short message id', { port: 1 }, { messageId: new Uint8Array(15) }],
  ])('with %s is malformed', (_, changes, outer) => {
    const peerId = new Uint8Array([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...new Uint8Array(32).fill(9)]);
    const base = { version: 1, domainTag: TAG, messageId: new Uint8Array(16), ...outer };
    const value =
      changes === undefined || Object.keys(changes).length === 0 ? {} : { sender: { peerId, port: 1, ...changes } };
    const body = changes === undefined ? { case: undefined } : { case: 'hello' as const, value };
    const message = create(DiscoveryDatagramSchema, { ...base, body });
    expect(decodeDatagram(toBinary(DiscoveryDatagramSchema, message), TAG)).toBe('malformed');
  });

  it.each([0, 31, 33])('with a content id of %i bytes is malformed', (length) => {
    const peerId = new Uint8Array([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...new Uint8Array(32).fill(9)]);
    const value = { sender: { peerId, port: 1 }, contentId: new Uint8Array(length) };
    const head = { version: 1, domainTag: TAG, messageId: new Uint8Array(16) };
    const message = create(DiscoveryDatagramSchema, { ...head, body: { case: 'interest', value } });
    expect(decodeDatagram(toBinary(DiscoveryDatagramSchema, message), TAG)).toBe('malformed');
  });
});
