import { type ByteRange, printRange, rangeLength } from '../../core/byte-range.ts';
import { type ContentId, parseContentId } from '../../core/ids.ts';
import { pieceRunOf } from '../../peer/piece-range.ts';
import type { PieceRun } from '../../plan/swarm/piece-set.ts';
import { hasBody, type RawRequest, type Refusal, readRange, refuseMethod } from '../content-request.ts';
import type { SharedPieces } from './shared-pieces.ts';

/** A well-formed wish of a member that fetches a content together with others. */
export type PieceRequest =
  | { readonly kind: 'pieces'; readonly contentId: ContentId; readonly range: ByteRange }
  | { readonly kind: 'descriptor'; readonly contentId: ContentId };

/** The pieces that a request gets. */
export interface AskedPieces {
  readonly range: ByteRange;
  readonly run: PieceRun;
}

const PATH = /^\/(pieces|descriptors)\/([0-9a-f]{64})$/;

/** Whether a request is one for pieces or descriptors, if anything. */
export function isPiecePath(path: string): boolean {
  return path.startsWith('/pieces/') || path.startsWith('/descriptors/');
}

/** Reads a request; the order of the checks is that for records. */
export function readPieceRequest(request: RawRequest): PieceRequest | Refusal {
  const { method, headers } = request;
  if (request.httpVersion !== '1.1') return { status: 505, reason: 'not HTTP/1.1' };
  const path = PATH.exec(request.url ?? '');
  if (path === null) return { status: 404, reason: 'unknown path' };
  if (method !== 'GET') return refuseMethod(method, headers, 'GET');
  if (hasBody(headers)) return { status: 400, reason: 'a request for pieces has a body' };
  const contentId = parseContentId(path[2] as string);
  if (path[1] === 'descriptors') return { kind: 'descriptor', contentId };
  const range = readRange(headers.range ?? '');
  if (range?.end == null) return { status: 400, reason: 'not one range of bytes' };
  return { kind: 'pieces', contentId, range: { start: range.start, end: range.end } };
}

/** Which pieces a range asks for, when all of them can be given now and they are not too many. */
export function findPieces(range: ByteRange, pieces: SharedPieces): AskedPieces | Refusal {
  const { size, pieceSize } = pieces;
  const run = pieceRunOf({ size, pieceSize, range });
  const headers = { 'Content-Range': `bytes */${size}` };
  if (run === null) return { status: 416, reason: 'not whole pieces for one request', headers };
  for (let piece = run.first; piece < run.end; piece++) {
    if (pieces.hashOf(piece) === null) return { status: 416, reason: 'a piece that cannot be given', headers };
  }
  return { range, run };
}

/** The headers of an answer with these bytes. */
export function pieceHeaders(range: ByteRange, size: number): Record<string, string> {
  return {
    'Content-Range': `bytes ${printRange(range)}/${size}`,
    'Content-Length': `${rangeLength(range)}`,
    'Content-Type': 'application/octet-stream',
  };
}
