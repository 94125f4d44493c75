import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Descriptor } from '../../src/content/descriptor.ts';
import { identityOf } from '../../src/peer/identity.ts';
import { signDescriptor, verifySignedDescriptor } from '../../src/peer/protocol/descriptor-codec.ts';
import {
  encodeEvidence,
  signPieceReceipt,
  verifyEvidence,
  verifyPieceReceipt,
} from '../../src/peer/protocol/receipt-codec.ts';
import { codeOf } from '../support/error-code.ts';

// A fixed key, so that a failing example can be run again.
const PKCS8_HEAD = '302e020100300506032b657004220420';
const holder = identityOf(
  createPrivateKey({ key: Buffer.from(PKCS8_HEAD + '07'.repeat(32), 'hex'), format: 'der', type: 'pkcs8' }),
);

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const described: fc.Arbitrary<Descriptor> = fc
  .record({
    hashes: fc.array(digest, { maxLength: 20 }),
    pieceSize: fc.integer({ min: 1, max: 2 ** 40 }),
    missing: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    sha256: fc.option(digest),
    withPieces: fc.boolean(),
  })
  .map(({ hashes, pieceSize, missing, sha256, withPieces }) => ({
    size: Math.max(0, hashes.length * pieceSize - Math.floor(missing * pieceSize)),
    pieceSize,
    pieces: withPieces || sha256 === null ? hashes : null,
    sha256,
    anchor: { kind: 'job-digest' as const },
  }));

const plain = ({ pieces, sha256, ...rest }: Descriptor) => ({
  ...rest,
  pieces: pieces?.map((hash) => [...hash]) ?? null,
  sha256: sha256 && [...sha256],
  anchor: null,
});

test('a descriptor survives the wire', () => {
  fc.assert(
    fc.property(described, fc.webUrl(), (descriptor, url) => {
      const version = { size: descriptor.size, lastModifiedMs: null, etag: null };
      const read = verifySignedDescriptor(signDescriptor(descriptor, url, version, holder), holder.nodeId);
      expect(plain(read.descriptor)).toEqual(plain(descriptor));
      expect(read).toMatchObject({ url, version, toldAnchor: 'job-digest' });
    }),
  );
});

test('receipts and evidence survive the wire', () => {
  const receipt = fc.record({ descriptorId: digest, pieceIndex: fc.nat({ max: 8191 }), sha256: digest });
  fc.assert(
    fc.property(receipt, (sent) => {
      const signed = signPieceReceipt(sent, holder);
      const read = verifyEvidence(encodeEvidence(holder.nodeId, signed));
      expect([...read.receipt.sha256]).toEqual([...sent.sha256]);
      expect(read.receipt.pieceIndex).toBe(sent.pieceIndex);
      expect(verifyPieceReceipt(signed, holder.nodeId).pieceIndex).toBe(sent.pieceIndex);
    }),
  );
});

test('hostile bytes are refused with an error of ours, also as part of a message that was right', () => {
  const right = [
    signPieceReceipt({ descriptorId: new Uint8Array(32), pieceIndex: 1, sha256: new Uint8Array(32) }, holder),
    signDescriptor(
      { size: 1, pieceSize: 1, pieces: [new Uint8Array(32)], sha256: null, anchor: { kind: 'job-digest' } },
      'http://a/',
      { size: 1, lastModifiedMs: null, etag: null },
      holder,
    ),
  ];
  right.push(encodeEvidence(holder.nodeId, right[0] as Uint8Array));
  const damaged = fc
    .tuple(fc.constantFrom(...right), fc.nat({ max: 250 }), fc.uint8Array({ minLength: 1, maxLength: 8 }))
    .map(([bytes, at, patch]) => Buffer.concat([bytes.subarray(0, at), patch, bytes.subarray(at + patch.length)]));
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      const all = [verifySignedDescriptor, verifyPieceReceipt, verifyEvidence];
      for (const decode of all) {
        expect([null, 'E_PEER_PROTOCOL']).toContain(codeOf(() => decode(bytes, holder.nodeId)));
      }
    }),
  );
});
