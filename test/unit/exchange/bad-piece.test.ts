import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Descriptor, descriptorId } from '../../../src/content/descriptor.ts';
import { BadPieceError, checkReceipts, readEvidence } from '../../../src/exchange/bad-piece.ts';
import { contentOf } from '../../../src/exchange/content.ts';
import { identityOf } from '../../../src/peer/identity.ts';
import { encodeEvidence, signPieceReceipt, verifyEvidence } from '../../../src/peer/protocol/receipt-codec.ts';

const giver = identityOf(generateKeyPairSync('ed25519').privateKey);
const other = identityOf(generateKeyPairSync('ed25519').privateKey);
const DESCRIPTOR: Descriptor = {
  size: 4 * 1024 * 1024,
  pieceSize: 1024 * 1024,
  pieces: Array.from({ length: 4 }, () => new Uint8Array(randomBytes(32))),
  sha256: null,
  anchor: { kind: 'metalink', url: 'https://origin.test/file.meta4' },
};

const receipt = (pieceIndex: number, by = giver, sha256 = DESCRIPTOR.pieces?.[pieceIndex] as Uint8Array) =>
  signPieceReceipt({ descriptorId: descriptorId(DESCRIPTOR), pieceIndex, sha256 }, by);
const wrong = randomBytes(32);
const check = (...receipts: Uint8Array[]) =>
  checkReceipts(receipts, giver.nodeId, { first: 1, end: 1 + receipts.length }, DESCRIPTOR, true);

describe('receipts of an answer', () => {
  it('are accepted when they say what has to be and the first one is signed by the giver', () => {
    expect(() => check(receipt(1), receipt(2), receipt(3))).not.toThrow();
    // Nobody can be shown a receipt that is right, so nobody needs its signature.
    expect(() => check(receipt(1), receipt(2, other))).not.toThrow();
  });

  it.each([
    ['the first is signed by somebody else', [receipt(1, other), receipt(2)]],
    ['one that is wrong is signed by somebody else', [receipt(1), receipt(2, other, wrong)]],
    ['one is for another piece', [receipt(1), receipt(3)]],
    ['one is none', [receipt(1), randomBytes(139)]],
    ['one is too large', [receipt(1), randomBytes(300)]],
  ])('are refused when %s', (_name, receipts) => {
    expect(() => check(...receipts)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
  });

  it.each([0, 1])('prove that the giver lies when the signed one at %i is wrong', (at) => {
    const receipts = [1, 2].map((piece, index) => receipt(piece, giver, index === at ? wrong : undefined));
    try {
      check(...receipts);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(BadPieceError);
      const { nodeId, receipt: shown } = verifyEvidence((error as BadPieceError).proof?.evidence as Uint8Array);
      expect([nodeId, shown.pieceIndex]).toEqual([giver.nodeId, at + 1]);
    }
  });
});

describe('evidence', () => {
  const version = { size: DESCRIPTOR.size, lastModifiedMs: null, etag: '"1"' };
  const content = contentOf({ url: 'https://origin.test/file', version, descriptor: DESCRIPTOR }, DESCRIPTOR, true);
  const read = (signed: Uint8Array) => readEvidence(encodeEvidence(giver.nodeId, signed), content);

  it('convicts who signed another digest for a piece of this content', () => {
    expect(read(receipt(2, giver, wrong))?.nodeId).toBe(giver.nodeId);
  });

  it.each([
    ['the digest is right', receipt(2)],
    ['there is no such piece', receipt(4, giver, wrong)],
    [
      'it is about another content',
      signPieceReceipt({ descriptorId: randomBytes(32), pieceIndex: 2, sha256: wrong }, giver),
    ],
  ])('convicts nobody when %s', (_name, signed) => {
    expect(read(signed)).toBeNull();
  });

  it('convicts nobody where no piece can be proven, nor when it is none', () => {
    const evidence = encodeEvidence(giver.nodeId, receipt(2, giver, wrong));
    expect(readEvidence(evidence, { ...content, anchored: null })).toBeNull();
    expect(readEvidence(randomBytes(200), content)).toBeNull();
  });
});
