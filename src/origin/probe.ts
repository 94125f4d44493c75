import type { FileVersion } from '../core/file-version.ts';
import { refuseMultipart } from './check-response.ts';
import { parseContentRange } from './content-range.ts';
import { originError } from './failure.ts';
import {
  listHeader,
  listMembers,
  parseByteCount,
  type RequestHeaders,
  type ResponseHeaders,
  singleHeader,
} from './headers.ts';
import { NO_ANCHORS, type OriginAnchors, readAnchors } from './origin-anchors.ts';
import { dateIsStrong, type OriginFile, readValidators } from './origin-file.ts';
import { wantReprDigest } from './repr-digest.ts';
import { askerOf, type RequestContext } from './request-context.ts';
import { shownHeaders } from './response-headers.ts';
import { giveUp, type OriginResponse, sendRequest } from './send-request.ts';
import { judgeSharing } from './share.ts';
import { statusError } from './status.ts';

/** What is asked for. */
export interface ProbeTarget {
  /** In normal form. */
  readonly url: string;
  /** Checked. */
  readonly requestHeaders: RequestHeaders;
}

/** What one answer told; null where it told nothing. */
interface Findings {
  readonly finalUrl: string;
  readonly headers: ResponseHeaders;
  readonly size: number | null;
  readonly acceptsRanges: boolean | null;
  readonly anchors: OriginAnchors;
}

// Servers that do not know HEAD, and signed URLs that are good for GET only.
const HEAD_REFUSED: ReadonlySet<number> = new Set([403, 405, 501]);

/**
 * Asks the origin which version it holds, with HEAD; when HEAD is refused or leaves size or ranges open,
 * with a GET for the first byte. A job with another method asks nothing beforehand, since its request may have effects.
 * @throws NearbitsError with an E_ORIGIN_ code or E_CANCELLED.
 */
export async function probeOrigin(
  context: RequestContext,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<OriginFile> {
  if (context.job.method !== 'GET') return unasked(context, target);
  const head = await probeByHead(context, target, signal);
  // Length 0 is what servers answer that do not know the length of a HEAD, so it is asked again as well.
  const complete = head !== null && head.size !== null && head.size > 0 && head.acceptsRanges !== null;
  const findings = complete ? head : await probeByGet(context, target, head, signal);
  return toFile(context, target, findings);
}

async function probeByHead(
  context: RequestContext,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<Findings | null> {
  const response = await sendRequest(
    context,
    {
      method: 'HEAD',
      start: target.url,
      url: target.url,
      requestHeaders: target.requestHeaders,
      conditions: wantReprDigest(target.requestHeaders),
    },
    signal,
  );
  if (HEAD_REFUSED.has(response.status)) return null;
  if (response.status !== 200) throw statusError(response.url, response, context.clock.wallMs());
  return {
    finalUrl: response.url,
    headers: response.headers,
    size: response.length,
    acceptsRanges: announcedRanges(response.headers),
    anchors: anchorsOf(response),
  };
}

async function probeByGet(
  context: RequestContext,
  target: ProbeTarget,
  head: Findings | null,
  signal: AbortSignal,
): Promise<Findings> {
  const response = await sendRequest(
    context,
    {
      method: 'GET',
      start: target.url,
      url: target.url,
      requestHeaders: target.requestHeaders,
      conditions: { ...wantReprDigest(target.requestHeaders), range: 'bytes=0-0' },
    },
    signal,
  );
  giveUp(response);
  const found = { finalUrl: response.url, headers: response.headers, anchors: anchorsOf(response) };
  if (response.status === 206) return { ...found, size: totalOf(response), acceptsRanges: true };
  if (response.status === 200) return { ...found, size: response.length, acceptsRanges: false };
  if (response.status === 416) return { ...found, ...unsatisfied(response, head) };
  throw statusError(response.url, response, context.clock.wallMs());
}

function totalOf(response: OriginResponse): number | null {
  refuseMultipart(response.url, response.headers);
  const contentRange = parseContentRange(singleHeader(response.headers, 'content-range'));
  if (contentRange?.kind === 'part' && contentRange.range.start === 0 && contentRange.range.end === 1)
    return contentRange.total;
  throw originError(
    'E_ORIGIN_PROTOCOL',
    response.url,
    'answers a request for the first byte with a wrong Content-Range',
  );
}

// The first byte of an empty file cannot be had; a 416 describes itself, not the file, so HEAD's headers are better.
function unsatisfied(
  response: OriginResponse,
  head: Findings | null,
): Pick<Findings, 'headers' | 'size' | 'acceptsRanges' | 'anchors'> {
  const contentRange = parseContentRange(singleHeader(response.headers, 'content-range'));
  const size = contentRange?.kind === 'unsatisfied' ? contentRange.total : (head?.size ?? null);
  return {
    headers: head?.headers ?? response.headers,
    size,
    acceptsRanges: size === 0,
    anchors: head?.anchors ?? NO_ANCHORS,
  };
}

function anchorsOf({ headers, url, metalinksOnTheWay }: OriginResponse): OriginAnchors {
  return readAnchors(headers, url, metalinksOnTheWay);
}

function announcedRanges(headers: ResponseHeaders): boolean | null {
  const units = listMembers(listHeader(headers, 'accept-ranges'));
  return units.length === 0 ? null : units.includes('bytes');
}

function toFile(context: RequestContext, target: ProbeTarget, findings: Findings): OriginFile {
  const { finalUrl, headers, size } = findings;
  const nowMs = context.clock.wallMs();
  refuseHuge(finalUrl, headers, size, context.options.maxFileBytes);
  const version: FileVersion | null = size === null ? null : { size, ...readValidators(headers, nowMs) };
  return {
    url: target.url,
    finalUrl,
    size,
    version,
    acceptsRanges: findings.acceptsRanges === true,
    share: judgeSharing(headers, version, askerOf(context, target.requestHeaders)),
    anchors: findings.anchors,
    dateIsStrong: dateIsStrong(headers, nowMs),
    responseHeaders: shownHeaders(headers),
    requestHeaders: target.requestHeaders,
  };
}

export function unasked(context: RequestContext, target: ProbeTarget): OriginFile {
  return {
    url: target.url,
    finalUrl: target.url,
    size: null,
    version: null,
    acceptsRanges: false,
    share: judgeSharing({}, null, askerOf(context, target.requestHeaders)),
    anchors: NO_ANCHORS,
    dateIsStrong: false,
    responseHeaders: {},
    requestHeaders: target.requestHeaders,
  };
}

function refuseHuge(url: string, headers: ResponseHeaders, size: number | null, maxFileBytes: number): void {
  const announced = singleHeader(headers, 'content-length');
  const unsafe = announced !== null && parseByteCount(announced) === null;
  if (!unsafe && (size === null || size <= maxFileBytes)) return;
  throw originError(
    'E_ORIGIN_PROTOCOL',
    url,
    `announces ${size ?? 'an unusable number of'} bytes; at most ${maxFileBytes} are fetched`,
    {
      details: { limit: 'maxFileBytes', size },
    },
  );
}
