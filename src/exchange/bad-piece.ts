import type { Descriptor } from '../content/descriptor.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import {
  encodeEvidence,
  isBadPiece,
  type PieceReceipt,
  readPieceReceipt,
  verifyEvidence,
  verifyPieceReceipt,
} from '../peer/protocol/receipt-codec.ts';
import type { PieceRun } from '../plan/swarm/piece-set.ts';
import type { ExchangeContent } from './content.ts';

/** What shows anybody who knows the pieces that a node gave a wrong one. */
export interface BadPieceProof {
  readonly nodeId: NodeId;
  /** As it travels: see protocol/receipt-codec.ts. */
  readonly evidence: Uint8Array;
}

/** A neighbour announced or sent bytes that are wrong; `proof` when others can be shown. */
export class BadPieceError extends NearbitsError {
  readonly proof: BadPieceProof | null;

  constructor(nodeId: NodeId, proof: BadPieceProof | null, cause?: unknown) {
    super('E_PEER_BAD_DATA', `${nodeId} gave bytes that are not those of the file`, { cause });
    this.proof = proof;
  }
}

/**
 * Compares the receipts of an answer with what the pieces have to be, before any byte of it is taken. Signatures are
 * checked of the first, so that nobody gives pieces and answers for none, and of one that is wrong. `descriptor` names
 * the pieces; it was anchored when `isAnchored`, else it is the word of another holder and proves nothing against this one.
 * @throws BadPieceError, or NearbitsError E_PEER_PROTOCOL for receipts that do not belong to the request.
 */
export function checkReceipts(
  receipts: readonly Uint8Array[],
  from: NodeId,
  asked: PieceRun,
  descriptor: Descriptor,
  isAnchored: boolean,
): void {
  if (receipts.length !== asked.end - asked.first) throw unfit();
  for (const [index, bytes] of receipts.entries()) {
    const receipt = index === 0 ? verifyPieceReceipt(bytes, from) : readPieceReceipt(bytes);
    if (receipt.pieceIndex !== asked.first + index) throw unfit();
    if (descriptor.pieces !== null && isRight(receipt, descriptor.pieces)) continue;
    // Throws when it is not of this neighbour, which makes it no proof.
    verifyPieceReceipt(bytes, from);
    const proves = isAnchored && isBadPiece(receipt, descriptor);
    throw new BadPieceError(from, proves ? { nodeId: from, evidence: encodeEvidence(from, bytes) } : null);
  }
}

/** Reads evidence that a neighbour shows; null when it proves nothing about this content. */
export function readEvidence(evidence: Uint8Array, content: ExchangeContent): BadPieceProof | null {
  const { anchored, id } = content;
  if (anchored === null) return null;
  try {
    const { nodeId, receipt } = verifyEvidence(evidence);
    // Compared with the name of the content, which costs a thousandth of naming its pieces anew: anybody can send any number of these.
    const isOfThis = Buffer.from(receipt.descriptorId).toString('hex') === id;
    return isOfThis && isWrong(receipt, anchored) ? { nodeId, evidence } : null;
  } catch {
    // Whoever sends something else than evidence says nothing about anybody.
    return null;
  }
}

/** The descriptor of a content whose pieces are anchored, as receipts and evidence name it; else null. */
export function anchoredDescriptor({ anchored, pieceSize, version, url }: ExchangeContent): Descriptor | null {
  if (anchored === null) return null;
  return { size: version.size, pieceSize, pieces: anchored, sha256: null, anchor: { kind: 'metalink', url } };
}

function isRight({ pieceIndex, sha256 }: PieceReceipt, pieces: readonly Uint8Array[]): boolean {
  const expected = pieces[pieceIndex];
  return expected !== undefined && Buffer.compare(expected, sha256) === 0;
}

function isWrong(receipt: PieceReceipt, pieces: readonly Uint8Array[]): boolean {
  return receipt.pieceIndex < pieces.length && !isRight(receipt, pieces);
}

function unfit(): NearbitsError {
  return new NearbitsError('E_PEER_PROTOCOL', 'the peer broke the protocol: receipts for other pieces than asked for');
}
