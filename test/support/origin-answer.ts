import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import { bytesContent, type Content, etagOf, lastModifiedOf, type OriginScript } from './origin-script.ts';

/** What will be sent: the decision, without the sending. */
export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly content: Content;
  readonly start: number;
  readonly end: number;
}

/** Decides the answer to a request as RFC 9110 wants it, bent by the script's faults. */
export function answerTo(request: IncomingMessage, script: OriginScript): Answer {
  const faults = script.faults ?? {};
  const status = request.method === 'HEAD' ? (faults.headStatus ?? faults.status) : faults.status;
  if (faults.redirectTo !== undefined)
    return text(script, faults.redirectStatus ?? 302, { location: faults.redirectTo });
  if (status !== undefined) return text(script, status, {});
  if (failsCondition(request, script)) return text(script, 412, {});
  const range = wantedRange(request, script);
  if (range === 'unsatisfied') return text(script, 416, { 'content-range': `bytes */${script.content.size}` });
  return range === null ? wholeAnswer(script) : partAnswer(script, range);
}

function text(script: OriginScript, status: number, headers: OutgoingHttpHeaders): Answer {
  const content = bytesContent(Buffer.from(`test origin: ${status}\n`));
  return {
    status,
    headers: { ...headers, ...extra(script), 'content-length': content.size },
    content,
    start: 0,
    end: content.size,
  };
}

function failsCondition(request: IncomingMessage, script: OriginScript): boolean {
  const since = request.headers['if-unmodified-since'];
  const modified = lastModifiedOf(script);
  return since !== undefined && modified !== null && Date.parse(modified) > Date.parse(since);
}

type Wanted = { readonly start: number; readonly end: number } | 'unsatisfied' | null;

function wantedRange(request: IncomingMessage, script: OriginScript): Wanted {
  const faults = script.faults ?? {};
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  if (request.method !== 'GET' || match === null || faults.ignoreRange || faults.noRanges) return null;
  if (!ifRangeHolds(request.headers['if-range']?.toString(), script)) return null;
  if (faults.refuseRange) return 'unsatisfied';
  const { size } = script.content;
  const [first, last] = [match[1] as string, match[2] as string];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start >= end ? 'unsatisfied' : { start, end };
}

function ifRangeHolds(condition: string | undefined, script: OriginScript): boolean {
  if (condition === undefined) return true;
  const etag = etagOf(script);
  return (condition === etag && !condition.startsWith('W/')) || condition === lastModifiedOf(script);
}

function partAnswer(script: OriginScript, wanted: { readonly start: number; readonly end: number }): Answer {
  const faults = script.faults ?? {};
  const { size } = script.content;
  const start = Math.min(wanted.start + (faults.shiftRange ?? 0), wanted.end - 1);
  const range = faults.contentRange ?? `bytes ${start}-${wanted.end - 1}/${size}`;
  const headers = { ...common(script), 'content-range': range, 'content-length': wanted.end - start };
  return { status: 206, headers, content: script.content, start, end: wanted.end };
}

function wholeAnswer(script: OriginScript): Answer {
  const { content, faults } = script;
  const sent = faults?.gzip ? bytesContent(gzipSync(content.read(0, content.size))) : content;
  const headers = { ...common(script), 'content-length': sent.size };
  return { status: 200, headers, content: sent, start: 0, end: sent.size };
}

function common(script: OriginScript): OutgoingHttpHeaders {
  const faults = script.faults ?? {};
  const etag = etagOf(script);
  const lastModified = lastModifiedOf(script);
  return {
    'content-type': 'application/octet-stream',
    ...(etag === null ? {} : { etag }),
    ...(lastModified === null ? {} : { 'last-modified': lastModified }),
    ...(faults.silentRanges ? {} : { 'accept-ranges': faults.noRanges ? 'none' : 'bytes' }),
    ...(faults.gzip ? { 'content-encoding': 'gzip' } : {}),
    ...extra(script),
  };
}

function extra(script: OriginScript): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(script.headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}
