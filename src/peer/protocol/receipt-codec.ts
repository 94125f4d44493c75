import { create, toBinary } from '@bufbuild/protobuf';
import { type Descriptor, descriptorId } from '../../content/descriptor.ts';
import { type NodeId, parseNodeId } from '../../core/ids.ts';
import { HASH_BYTES, MAX_PIECES } from '../../core/pieces.ts';
import {
  BadPieceEvidenceSchema,
  PieceReceiptSchema,
  type SignedPieceReceipt,
  SignedPieceReceiptSchema,
} from '../../gen/nearbits/v1/descriptor_pb.js';
import { type Identity, publicKeyOf } from '../identity.ts';
import { isSignedBy, signFor } from '../signature.ts';
import { decodeMessage, protocolError } from './wire.ts';

/** Larger messages are neither written nor read. */
export const MAX_RECEIPT_BYTES = 256;
export const MAX_EVIDENCE_BYTES = 512;

/** What the sender of a piece says that it sends. */
export interface PieceReceipt {
  /** Names the content, see `descriptorId` in content/descriptor.ts. */
  readonly descriptorId: Uint8Array;
  readonly pieceIndex: number;
  /** SHA-256 of the bytes that are sent. */
  readonly sha256: Uint8Array;
}

/** A receipt that somebody shows around, and who signed it. */
export interface PieceEvidence {
  readonly nodeId: NodeId;
  readonly receipt: PieceReceipt;
}

const PURPOSE = 'nearbits piece receipt v1';
const RECEIPT_PARTS = 3;
const SIGNED_PARTS = 2;
/** Node, receipt, and what is in it. */
export const EVIDENCE_PARTS = 2 + SIGNED_PARTS;

/** Signs a receipt for a piece that this node sends; it travels with the piece. */
export function signPieceReceipt(receipt: PieceReceipt, identity: Identity): Uint8Array {
  const bytes = toBinary(PieceReceiptSchema, create(PieceReceiptSchema, receipt));
  const signed = { receipt: bytes, signature: signFor(PURPOSE, bytes, identity) };
  return toBinary(SignedPieceReceiptSchema, create(SignedPieceReceiptSchema, signed));
}

/**
 * Reads a receipt without asking who signed it: enough where it says what has to be, since only a wrong one is ever
 * shown to anybody. To check a signature takes a tenth of a millisecond, a fifth of what hashing the piece does.
 * @throws NearbitsError E_PEER_PROTOCOL when it is no receipt.
 */
export function readPieceReceipt(bytes: Uint8Array): PieceReceipt {
  return readSigned(decodeSigned(bytes));
}

/**
 * Reads the receipt for a piece that `nodeId` sent. Whoever gets a piece compares its digest with the bytes as well: a
 * receipt that does not fit them shows that the sender lies, but to nobody else.
 * @throws NearbitsError E_PEER_PROTOCOL when it is no receipt of this node.
 */
export function verifyPieceReceipt(bytes: Uint8Array, nodeId: NodeId): PieceReceipt {
  return readReceipt(decodeSigned(bytes), nodeId);
}

/** Writes what shows others that `nodeId` sent a bad piece: the receipt as it came. @throws NearbitsError E_PEER_PROTOCOL as {@link verifyPieceReceipt}. */
export function encodeEvidence(nodeId: NodeId, signedReceipt: Uint8Array): Uint8Array {
  verifyPieceReceipt(signedReceipt, nodeId);
  const receipt = decodeMessage(SignedPieceReceiptSchema, signedReceipt, SIGNED_PARTS);
  return toBinary(BadPieceEvidenceSchema, create(BadPieceEvidenceSchema, { nodeId, receipt }));
}

/**
 * Reads evidence that another node shows and checks the signature of the one it accuses. Whether the piece was bad says
 * {@link isBadPiece} with a descriptor that this node trusts itself.
 * @throws NearbitsError E_PEER_PROTOCOL
 */
export function verifyEvidence(bytes: Uint8Array): PieceEvidence {
  if (bytes.length > MAX_EVIDENCE_BYTES) throw protocolError('evidence that is too large');
  const { nodeId: text, receipt } = decodeMessage(BadPieceEvidenceSchema, bytes, EVIDENCE_PARTS);
  if (receipt === undefined) throw protocolError('evidence without a receipt');
  const nodeId = readNodeId(text);
  return { nodeId, receipt: readReceipt(receipt, nodeId) };
}

/** Whether the receipt belongs to this content and names another digest for the piece than the descriptor: its signer sent, or meant to send, a bad piece. */
export function isBadPiece(receipt: PieceReceipt, descriptor: Descriptor): boolean {
  const expected = descriptor.pieces?.[receipt.pieceIndex];
  if (expected === undefined || Buffer.compare(descriptorId(descriptor), receipt.descriptorId) !== 0) return false;
  return Buffer.compare(expected, receipt.sha256) !== 0;
}

function decodeSigned(bytes: Uint8Array): SignedPieceReceipt {
  if (bytes.length > MAX_RECEIPT_BYTES) throw protocolError('a receipt that is too large');
  return decodeMessage(SignedPieceReceiptSchema, bytes, SIGNED_PARTS);
}

function readReceipt(signed: SignedPieceReceipt, nodeId: NodeId): PieceReceipt {
  const { receipt, signature } = signed;
  if (!isSignedBy(nodeId, PURPOSE, receipt, signature)) throw protocolError('a receipt with a wrong signature');
  return readSigned(signed);
}

function readSigned({ receipt }: SignedPieceReceipt): PieceReceipt {
  const { descriptorId, pieceIndex, sha256 } = decodeMessage(PieceReceiptSchema, receipt, RECEIPT_PARTS);
  if (descriptorId.length !== HASH_BYTES || sha256.length !== HASH_BYTES || pieceIndex >= MAX_PIECES) {
    throw protocolError('a receipt for something that is no piece');
  }
  return { descriptorId, pieceIndex, sha256 };
}

function readNodeId(text: string): NodeId {
  try {
    const nodeId = parseNodeId(text);
    publicKeyOf(nodeId); // some texts of the right form hold no key
    return nodeId;
  } catch (error) {
    throw protocolError('evidence against something that is no node', error);
  }
}
