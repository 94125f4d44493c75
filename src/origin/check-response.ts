import { type ByteRange, printRange, rangeLength } from '../core/byte-range.ts';
import type { NearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import { parseContentRange } from './content-range.ts';
import { originError } from './failure.ts';
import { type ResponseHeaders, singleHeader } from './headers.ts';
import { contradicts, readValidators } from './origin-file.ts';
import type { OriginResponse } from './send-request.ts';
import { statusError } from './status.ts';

/**
 * Accepts the answer to a ranged request only when it is a 206 for exactly this range of exactly this version.
 * @throws NearbitsError E_ORIGIN_CHANGED, E_ORIGIN_NO_RANGES, E_ORIGIN_PROTOCOL or the error of the status.
 */
export function checkPart(response: OriginResponse, range: ByteRange, version: FileVersion, nowMs: number): void {
  if (response.status === 200) throw notPartial(response, version, nowMs);
  if (response.status === 412) throw changed(response, 'a condition failed (412)');
  if (response.status === 416) throw unsatisfied(response, version);
  if (response.status !== 206) throw statusError(response.url, response, nowMs);
  refuseMultipart(response.url, response.headers);
  checkContentRange(response, range, version);
  if (contradicts(version, readValidators(response.headers, nowMs))) throw changed(response, 'ETag or Last-Modified');
  if (response.length !== null && response.length !== rangeLength(range)) {
    throw protocol(response, `announces ${response.length} bytes for the range ${printRange(range)}`);
  }
}

/**
 * Accepts the answer to a request without Range only when it is a 200 with the whole of exactly this version.
 * @throws NearbitsError E_ORIGIN_CHANGED or the error of the status.
 */
export function checkWhole(response: OriginResponse, version: FileVersion, nowMs: number): void {
  if (response.status !== 200) throw statusError(response.url, response, nowMs);
  const reason = difference(response, version, nowMs);
  if (reason !== null) throw changed(response, reason);
}

/**
 * Refuses an answer that wraps the range in MIME parts although only one was asked for (RFC 9110 section 15.3.7.2).
 * @throws NearbitsError E_ORIGIN_PROTOCOL with the reason `multipart`.
 */
export function refuseMultipart(url: string, headers: ResponseHeaders): void {
  if (!/^multipart\/byteranges\b/i.test(singleHeader(headers, 'content-type') ?? '')) return;
  throw originError('E_ORIGIN_PROTOCOL', url, 'answers a single range with multipart/byteranges', {
    details: { status: 206, reason: 'multipart' },
  });
}

// 200 to a ranged request: either If-Range found another version, or the origin does not do ranges. The answer's own validators tell which.
function notPartial(response: OriginResponse, version: FileVersion, nowMs: number): NearbitsError {
  const reason = difference(response, version, nowMs);
  if (reason !== null) return changed(response, reason);
  return originError('E_ORIGIN_NO_RANGES', response.url, 'ignores Range and sends the whole file', {
    hint: 'Fetch the whole file in one piece.',
  });
}

function difference(response: OriginResponse, version: FileVersion, nowMs: number): string | null {
  if (contradicts(version, readValidators(response.headers, nowMs))) return 'ETag or Last-Modified';
  return response.length !== null && response.length !== version.size ? `size ${response.length}` : null;
}

function checkContentRange(response: OriginResponse, range: ByteRange, version: FileVersion): void {
  const contentRange = parseContentRange(singleHeader(response.headers, 'content-range'));
  if (contentRange?.kind !== 'part') throw protocol(response, 'sends 206 without a usable Content-Range');
  if (contentRange.total !== null && contentRange.total !== version.size)
    throw changed(response, `size ${contentRange.total}`);
  const { start, end } = contentRange.range;
  if (start !== range.start || end !== range.end || contentRange.total === null) {
    const got = `${printRange(contentRange.range)}/${contentRange.total ?? '*'}`;
    throw protocol(response, `sends the range ${got} instead of ${printRange(range)}/${version.size}`);
  }
}

// The range lies inside the file we know, so a 416 means another size or no ranges after all.
function unsatisfied(response: OriginResponse, version: FileVersion): NearbitsError {
  const contentRange = parseContentRange(singleHeader(response.headers, 'content-range'));
  if (contentRange?.kind === 'unsatisfied' && contentRange.total !== version.size) {
    return changed(response, `size ${contentRange.total}`);
  }
  return originError('E_ORIGIN_NO_RANGES', response.url, 'refuses a range that lies inside the file (416)');
}

function changed(response: OriginResponse, what: string): NearbitsError {
  return originError('E_ORIGIN_CHANGED', response.url, `the file changed at the origin: ${what}`, {
    details: { status: response.status },
  });
}

function protocol(response: OriginResponse, message: string): NearbitsError {
  return originError('E_ORIGIN_PROTOCOL', response.url, message, { details: { status: response.status } });
}
