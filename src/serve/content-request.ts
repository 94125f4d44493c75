import type { IncomingHttpHeaders } from 'node:http';
import type { CacheRecord } from '../cache/record.ts';
import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import { parseRecordId, type RecordId } from '../core/ids.ts';

/** A request as it came, before anything in it is believed. */
export interface RawRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
}

/** A well-formed wish for content. */
export interface ContentRequest {
  readonly id: RecordId;
  readonly head: boolean;
  /** In offsets of the origin file; `end` null: up to the end of the file. Null: no Range header. */
  readonly range: { readonly start: number; readonly end: number | null } | null;
}

/** An answer that gives no content; its body is empty (MS-BPCR 3.2.5.1). */
export interface Refusal {
  readonly status: 400 | 404 | 405 | 411 | 416 | 429 | 500 | 503 | 505;
  /** For the log and the events; never sent. */
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is sent: this range of the record, as 200 or 206. */
export interface ContentAnswer {
  readonly status: 200 | 206;
  readonly range: ByteRange;
  readonly headers: Readonly<Record<string, string>>;
}

/** Whether an answer is a refusal. */
export function isRefusal(answer: object): answer is Refusal {
  return 'reason' in answer;
}

const PATH = /^\/content\/([0-9a-f-]{36})$/;
const RANGE = /^bytes=(\d{1,16})-(\d{1,16})?$/;

/** Reads a request; the order of the checks is that of MS-BPCR 3.2.5.2 to 3.2.5.4. */
export function readRequest(request: RawRequest): ContentRequest | Refusal {
  const { method, headers } = request;
  if (request.httpVersion !== '1.1') return { status: 505, reason: 'not HTTP/1.1' };
  const id = readPath(request.url ?? '');
  if (id === null) return { status: 404, reason: 'unknown path' };
  if (method !== 'GET' && method !== 'HEAD') return refuseMethod(method, headers, 'GET, HEAD');
  if (hasBody(headers)) return { status: 400, reason: 'a request for content has a body' };
  if (headers.range === undefined) return { id, head: method === 'HEAD', range: null };
  const range = readRange(headers.range);
  if (range === null) return { status: 400, reason: 'not one range of bytes' };
  return { id, head: method === 'HEAD', range };
}

function readPath(path: string): RecordId | null {
  const match = PATH.exec(path);
  try {
    return match === null ? null : parseRecordId(match[1] as string);
  } catch {
    // Not a UUID: a path like any other that does not exist.
    return null;
  }
}

/** The refusal of a method that is none of those in `allow`. */
export function refuseMethod(method: string | undefined, headers: IncomingHttpHeaders, allow: string): Refusal {
  const carriesBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  if (carriesBody && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    return { status: 411, reason: 'no Content-Length' };
  }
  return { status: 405, reason: `none of ${allow}`, headers: { Allow: allow } };
}

/** Whether a request with these headers brings a body. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/**
 * Reads the header Range; null when it is not one range of bytes. A client that wants several asks several times, which
 * keeps the answer a plain run of bytes.
 */
export function readRange(text: string): { start: number; end: number | null } | null {
  const match = RANGE.exec(text);
  if (match === null) return null;
  const start = Number(match[1]);
  const end = match[2] === undefined ? null : Number(match[2]) + 1;
  const isSane = Number.isSafeInteger(start) && (end === null || (Number.isSafeInteger(end) && end > start));
  return isSane ? { start, end } : null;
}

/**
 * What of a record a request gets. Only valid records exist for others (design section 6). A last byte beyond
 * the end of the file means its end (RFC 9110 section 14.1.2); any other byte that is not held is refused.
 */
export function answerRequest(request: ContentRequest, record: CacheRecord | null): ContentAnswer | Refusal {
  if (record?.state !== 'valid') return { status: 404, reason: 'unknown record' };
  const { size } = record.version;
  const end = Math.min(request.range?.end ?? size, size);
  const range = { start: request.range?.start ?? 0, end };
  const isEmpty = range.start >= range.end && !(request.range === null && size === 0);
  if (isEmpty || !record.ranges.covers(range)) {
    return { status: 416, reason: 'the range is not held', headers: { 'Content-Range': `bytes */${size}` } };
  }
  const length = { 'Content-Length': `${rangeLength(range)}`, 'Content-Type': 'application/octet-stream' };
  if (request.range === null) return { status: 200, range, headers: length };
  const contentRange = `bytes ${range.start}-${range.end - 1}/${size}`;
  return { status: 206, range, headers: { ...length, 'Content-Range': contentRange } };
}
