import { generateKeyPairSync } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { type Descriptor, descriptorId } from '../../../../src/content/descriptor.ts';
import { MAX_PIECES } from '../../../../src/core/pieces.ts';
import {
  BadPieceEvidenceSchema,
  PieceReceiptSchema,
  SignedPieceReceiptSchema,
} from '../../../../src/gen/nearbits/v1/descriptor_pb.js';
import { identityOf } from '../../../../src/peer/identity.ts';
import {
  encodeEvidence,
  isBadPiece,
  MAX_EVIDENCE_BYTES,
  MAX_RECEIPT_BYTES,
  signPieceReceipt,
  verifyEvidence,
  verifyPieceReceipt,
} from '../../../../src/peer/protocol/receipt-codec.ts';
import { signFor } from '../../../../src/peer/signature.ts';
import { codeOf } from '../../../support/error-code.ts';

const sender = identityOf(generateKeyPairSync('ed25519').privateKey);
const other = identityOf(generateKeyPairSync('ed25519').privateKey);
const digest = (byte: number) => Buffer.alloc(32, byte);
const descriptor: Descriptor = {
  size: 5,
  pieceSize: 3,
  pieces: [digest(1), digest(2)],
  sha256: null,
  anchor: { kind: 'repr-digest', url: 'https://example.org/file' },
};
const receipt = (sha256: Buffer, pieceIndex = 1) => ({
  descriptorId: new Uint8Array(descriptorId(descriptor)),
  pieceIndex,
  sha256: new Uint8Array(sha256),
});
const refused = (bytes: Uint8Array) => codeOf(() => verifyPieceReceipt(bytes, sender.nodeId));

describe('the receipt of a piece', () => {
  it('says what its sender sent', () => {
    const bytes = signPieceReceipt(receipt(digest(2), MAX_PIECES - 1), sender);
    expect(bytes.length).toBeLessThanOrEqual(MAX_RECEIPT_BYTES);
    expect(verifyPieceReceipt(bytes, sender.nodeId)).toEqual(receipt(digest(2), MAX_PIECES - 1));
  });

  it('is refused under another name and with any bit changed', () => {
    const bytes = signPieceReceipt(receipt(digest(2)), sender);
    expect(codeOf(() => verifyPieceReceipt(bytes, other.nodeId))).toBe('E_PEER_PROTOCOL');
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = (bytes[index] as number) ^ 1;
      expect(refused(bytes)).toBe('E_PEER_PROTOCOL');
      bytes[index] = (bytes[index] as number) ^ 1;
    }
  });

  it.each([
    ['a piece that no file has', { pieceIndex: MAX_PIECES }],
    ['another name', { descriptorId: Buffer.alloc(31) }],
    ['half a digest', { sha256: Buffer.alloc(16) }],
  ])('is refused for %s, although the signature is right', (_, change) => {
    const bytes = toBinary(PieceReceiptSchema, create(PieceReceiptSchema, { ...receipt(digest(2)), ...change }));
    const signature = signFor('nearbits piece receipt v1', bytes, sender);
    expect(
      refused(toBinary(SignedPieceReceiptSchema, create(SignedPieceReceiptSchema, { receipt: bytes, signature }))),
    ).toBe('E_PEER_PROTOCOL');
  });

  it('is refused when it is too large', () => {
    expect(refused(new Uint8Array(MAX_RECEIPT_BYTES + 1))).toBe('E_PEER_PROTOCOL');
  });
});

describe('evidence of a bad piece', () => {
  it('convinces somebody who knows the content', () => {
    const bytes = encodeEvidence(sender.nodeId, signPieceReceipt(receipt(digest(7)), sender));
    expect(bytes.length).toBeLessThanOrEqual(MAX_EVIDENCE_BYTES);
    const evidence = verifyEvidence(bytes);
    expect(evidence).toEqual({ nodeId: sender.nodeId, receipt: receipt(digest(7)) });
    expect(isBadPiece(evidence.receipt, descriptor)).toBe(true);
  });

  it('is none for a right piece, another content, a piece that is not there, or without pieces', () => {
    expect(isBadPiece(receipt(digest(2)), descriptor)).toBe(false);
    expect(isBadPiece(receipt(digest(7)), { ...descriptor, size: 6 })).toBe(false);
    expect(isBadPiece(receipt(digest(7), 2), descriptor)).toBe(false);
    expect(isBadPiece(receipt(digest(7)), { ...descriptor, pieces: null, sha256: digest(1) })).toBe(false);
  });

  it('cannot be made against somebody else', () => {
    const signed = signPieceReceipt(receipt(digest(7)), other);
    expect(codeOf(() => encodeEvidence(sender.nodeId, signed))).toBe('E_PEER_PROTOCOL');
    const bytes = encodeEvidence(other.nodeId, signed);
    const at = Buffer.from(bytes).indexOf(other.nodeId);
    bytes.set(Buffer.from(sender.nodeId), at);
    expect(codeOf(() => verifyEvidence(bytes))).toBe('E_PEER_PROTOCOL');
  });

  it.each([
    ['no receipt', { nodeId: sender.nodeId }],
    ['nobody', { receipt: create(SignedPieceReceiptSchema, {}) }],
    ['a node that has no key', { nodeId: `12D3KooW${'z'.repeat(44)}`, receipt: create(SignedPieceReceiptSchema, {}) }],
  ])('is refused with %s', (_, fields) => {
    const bytes = toBinary(BadPieceEvidenceSchema, create(BadPieceEvidenceSchema, fields));
    expect(codeOf(() => verifyEvidence(bytes))).toBe('E_PEER_PROTOCOL');
  });

  it('is refused when it is too large', () => {
    expect(codeOf(() => verifyEvidence(new Uint8Array(MAX_EVIDENCE_BYTES + 1)))).toBe('E_PEER_PROTOCOL');
  });
});
