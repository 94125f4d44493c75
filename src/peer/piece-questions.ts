import { NearbitsError } from '../core/errors.ts';
import type { ContentId, NodeId } from '../core/ids.ts';
import { type AnswerHead, type ContentQuestion, checkRange, peerError, refusalError } from './content-answer.ts';
import { type PieceRange, pieceRunOf } from './piece-range.ts';
import { MAX_DESCRIPTOR_BYTES } from './protocol/descriptor-codec.ts';
import { MAX_RECEIPT_BYTES } from './protocol/receipt-codec.ts';

/** Carries the signed receipts of the pieces that follow, in their order: base64, separated by commas. */
export const RECEIPTS_HEADER = 'nearbits-receipts';

/** Whole pieces to ask a peer for. */
export interface PieceQuestion extends PieceRange {
  readonly contentId: ContentId;
}

/** Takes the receipts of all asked pieces before the first byte; what it throws ends the request. */
export type TakeReceipts = (receipts: readonly Uint8Array[]) => void;

/**
 * Asks for whole pieces of a content and their receipts.
 * @throws NearbitsError E_INVALID_RANGE for what no server gives at once; see {@link pieceRunOf}.
 */
export function piecesQuestion(nodeId: NodeId, wish: PieceQuestion, onReceipts: TakeReceipts): ContentQuestion {
  const { contentId, range, size } = wish;
  const run = pieceRunOf(wish);
  if (run === null) throw new NearbitsError('E_INVALID_RANGE', 'not pieces for one request', { details: { ...range } });
  const accept = (head: AnswerHead) => {
    const checked = checkRange(head, { nodeId, range, size });
    onReceipts(readReceipts(head.headers.get(RECEIPTS_HEADER) ?? '', run.end - run.first, nodeId));
    return checked;
  };
  return { nodeId, path: `/pieces/${contentId}`, range, accept };
}

/** Asks for the descriptor of a content as its holder signed it, of at most 272 KiB. */
export function descriptorQuestion(nodeId: NodeId, contentId: ContentId): ContentQuestion {
  const accept = (head: AnswerHead) => {
    const { status, headers } = head;
    if (status !== 200) throw refusalError(head, nodeId);
    const length = headers.get('content-length') ?? '';
    const end = /^[1-9]\d{0,5}$/.test(length) && !headers.has('transfer-encoding') ? Number(length) : 0;
    if (end > 0 && end <= MAX_DESCRIPTOR_BYTES) return { start: 0, end };
    throw peerError('E_PEER_PROTOCOL', nodeId, 'announced a length that no descriptor has');
  };
  return { nodeId, path: `/descriptors/${contentId}`, range: null, accept };
}

const SEPARATOR = ', ';

/** One receipt as it stands in the header. */
export function printReceipt(receipt: Uint8Array): string {
  return Buffer.from(receipt).toString('base64');
}

/** The header with these receipts, each from {@link printReceipt}. */
export function joinReceipts(receipts: readonly string[]): string {
  return receipts.join(SEPARATOR);
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MAX_RECEIPT_TEXT = Math.ceil(MAX_RECEIPT_BYTES / 3) * 4;

// What they say and who signed them is for whoever takes them; here only their number and form count.
function readReceipts(text: string, count: number, nodeId: NodeId): Uint8Array[] {
  const parts = text.split(SEPARATOR, count + 1);
  const isSound = (part: string) => part.length <= MAX_RECEIPT_TEXT && BASE64.test(part);
  if (parts.length === count && parts.every(isSound)) return parts.map((part) => Buffer.from(part, 'base64'));
  throw peerError('E_PEER_PROTOCOL', nodeId, 'sent pieces without the receipts that belong to them');
}
