import { type ByteRange, printRange, rangeLength } from '../core/byte-range.ts';
import { type ErrorCode, type ErrorDetails, NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';

/** The largest head of an answer in bytes; ours have about 150, and 3,200 with sixteen receipts. */
export const MAX_ANSWER_HEAD_BYTES = 4096;

/** A peer that says "later" is believed up to a minute; others and the origin are there meanwhile. */
const MAX_RETRY_AFTER_MS = 60_000;
const USUAL_RETRY_AFTER_MS = 5_000;
const MIN_RETRY_MS = 10;

/** Says in milliseconds what `Retry-After` can say in whole seconds only; a place for pieces is free much sooner. */
export const RETRY_MS_HEADER = 'nearbits-retry-after-ms';

/** Status and headers of an answer; names in lower case. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** What is asked of whom, and what counts as an answer. */
export interface ContentQuestion {
  readonly nodeId: NodeId;
  readonly path: string;
  /** The bytes that are asked for; null: all there are. */
  readonly range: ByteRange | null;
  /** Checks the head of an answer and says which bytes follow, before memory is taken for them; throws what {@link checkRange} does. */
  readonly accept: (head: AnswerHead) => ByteRange;
}

/** A range that was asked for. */
export interface AskedRange {
  readonly nodeId: NodeId;
  readonly range: ByteRange;
  /** Size of the whole file at the origin, in bytes. */
  readonly size: number;
}

/** The error for a peer on the content channel; the message begins with who it was. */
export function peerError(
  code: ErrorCode,
  nodeId: NodeId,
  what: string,
  details: ErrorDetails = {},
  cause?: unknown,
): NearbitsError {
  return new NearbitsError(code, `${nodeId} ${what}`, { details: { nodeId, ...details }, cause });
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-9]\d\d)(?: [\x20-\x7e]*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*$/;

/** Reads a head without its empty line at the end; null when it is not exactly what HTTP/1.1 allows, or says something twice. */
export function parseAnswerHead(text: string): AnswerHead | null {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = STATUS_LINE.exec(statusLine);
  if (status === null) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const header = HEADER_LINE.exec(line);
    const name = header?.[1]?.toLowerCase();
    // Two different lengths or ranges are how requests are smuggled: repeating a header is never right here.
    if (name === undefined || headers.has(name)) return null;
    headers.set(name, header?.[2] as string);
  }
  return { status: Number(status[1]), headers };
}

/**
 * Checks that an answer is the asked range and nothing else, and returns it.
 * @throws NearbitsError E_PEER_BUSY (`details.retryAfterMs`, at most a minute), E_PEER_GONE, E_PEER_UNAUTHENTICATED or E_PEER_PROTOCOL.
 */
export function checkRange(head: AnswerHead, asked: AskedRange): ByteRange {
  const { nodeId, range, size } = asked;
  const { status, headers } = head;
  if (status !== 206) throw refusalError(head, nodeId);
  // Word for word: a server of ours writes it in one way only (RFC 9110 section 14.4).
  if (headers.get('content-range') !== `bytes ${printRange(range)}/${size}`) {
    throw peerError('E_PEER_PROTOCOL', nodeId, 'answered with another range than the one asked for');
  }
  if (headers.get('content-length') !== `${rangeLength(range)}` || headers.has('transfer-encoding')) {
    throw peerError('E_PEER_PROTOCOL', nodeId, 'announced another length than that of the range');
  }
  return range;
}

const HARMLESS: ReadonlySet<number> = new Set([404, 416, 429, 503]);

/** Whether the peer said no in a way that leaves the connection as good as it was: without a body. */
export function isPlainRefusal({ status, headers }: AnswerHead): boolean {
  return HARMLESS.has(status) && headers.get('content-length') === '0' && !headers.has('transfer-encoding');
}

/** What an answer with another status than the wanted one means; see {@link checkRange}. */
export function refusalError({ status, headers }: AnswerHead, nodeId: NodeId): NearbitsError {
  switch (status) {
    case 429:
    case 503: {
      const retryAfterMs = readRetryMs(headers.get(RETRY_MS_HEADER)) ?? readRetryAfter(headers.get('retry-after'));
      return peerError('E_PEER_BUSY', nodeId, 'has no free slot', { status, retryAfterMs });
    }
    case 404:
    case 410:
    case 416:
      return peerError('E_PEER_GONE', nodeId, 'does not hold the range any more', { status });
    case 401:
    case 403:
      return peerError('E_PEER_UNAUTHENTICATED', nodeId, 'does not accept this node', { status });
    default:
      return peerError('E_PEER_PROTOCOL', nodeId, `answered with status ${status}`, { status });
  }
}

// Zero would be an invitation to ask without a pause.
function readRetryMs(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,8}$/.test(text)) return null;
  return Math.min(Math.max(Number(text), MIN_RETRY_MS), MAX_RETRY_AFTER_MS);
}

// Servers of ours name whole seconds, never a date.
function readRetryAfter(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text)
    ? Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS)
    : USUAL_RETRY_AFTER_MS;
}
