import type { ByteRange } from '../core/byte-range.ts';
import type { FileVersion } from '../core/file-version.ts';
import { printRangeHeader } from './content-range.ts';
import { isStrongEntityTag } from './entity-tag.ts';
import type { RequestHeaders } from './headers.ts';
import { printHttpDate } from './http-date.ts';

/**
 * Range and the condition that keeps parts of two versions from being mixed:
 * 1. a strong ETag goes into If-Range; a weak one must not (RFC 9110 section 13.1.5);
 * 2. without any ETag a date may, when it is a strong validator (same section);
 * 3. otherwise the date goes into If-Unmodified-Since, as BITS does (BUP 3.6); the answer is then 412, not 200.
 * Whatever is sent, the validators of the answer are compared as well.
 */
export function rangeConditions(range: ByteRange, version: FileVersion, dateIsStrong: boolean): RequestHeaders {
  const rangeHeader = { range: printRangeHeader(range) };
  if (isStrongEntityTag(version.etag)) return { ...rangeHeader, 'if-range': version.etag };
  if (version.lastModifiedMs === null) return rangeHeader;
  const date = printHttpDate(version.lastModifiedMs);
  if (version.etag === null && dateIsStrong) return { ...rangeHeader, 'if-range': date };
  return { ...rangeHeader, 'if-unmodified-since': date };
}
