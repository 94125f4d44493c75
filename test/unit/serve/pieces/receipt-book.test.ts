import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { identityOf } from '../../../../src/peer/identity.ts';
import { verifyPieceReceipt } from '../../../../src/peer/protocol/receipt-codec.ts';
import { ReceiptBook } from '../../../../src/serve/pieces/receipt-book.ts';
import type { SharedPieces } from '../../../../src/serve/pieces/shared-pieces.ts';

const identity = identityOf(generateKeyPairSync('ed25519').privateKey);

/** A content that counts how often its hashes are asked for: once for each signature. */
function countedContent(id: number) {
  const asked: number[] = [];
  const hashOf = (piece: number) => {
    asked.push(piece);
    return new Uint8Array(32).fill(piece);
  };
  return { asked, pieces: { descriptorId: new Uint8Array(32).fill(id), hashOf } as unknown as SharedPieces };
}

test('each piece has a receipt of its own that its signer cannot deny', () => {
  const { pieces } = countedContent(1);
  const receipts = new ReceiptBook({ identity }).receiptsFor(pieces, { first: 3, end: 6 }).split(', ');
  const read = receipts.map((text) => verifyPieceReceipt(Buffer.from(text, 'base64'), identity.nodeId));
  expect(read.map(({ pieceIndex }) => pieceIndex)).toEqual([3, 4, 5]);
  for (const { descriptorId, pieceIndex, sha256 } of read) {
    expect([...descriptorId]).toEqual(new Array(32).fill(1));
    expect([...sha256]).toEqual(new Array(32).fill(pieceIndex));
  }
});

test('a receipt is signed once, however often its piece is given', () => {
  const book = new ReceiptBook({ identity });
  const { asked, pieces } = countedContent(1);
  const first = book.receiptsFor(pieces, { first: 0, end: 2 });
  expect(book.receiptsFor(pieces, { first: 0, end: 2 })).toBe(first);
  book.receiptsFor(pieces, { first: 1, end: 3 });
  expect(asked).toEqual([0, 1, 2]);
});

test('of many contents the eight used last are remembered', () => {
  const book = new ReceiptBook({ identity });
  const contents = Array.from({ length: 9 }, (_, id) => countedContent(id));
  const give = (id: number) => book.receiptsFor(contents[id]?.pieces as SharedPieces, { first: 0, end: 1 });
  for (let id = 0; id < 8; id++) give(id);
  give(0);
  give(8); // pushes out content 1, which was used longest ago
  give(0);
  give(1);
  expect(contents.map(({ asked }) => asked.length)).toEqual([1, 2, 1, 1, 1, 1, 1, 1, 1]);
});
