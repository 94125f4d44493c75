import type { FileVersion } from '../core/file-version.ts';
import { acceptEntityTag, matchEntityTags } from './entity-tag.ts';
import { type RequestHeaders, type ResponseHeaders, singleHeader } from './headers.ts';
import { parseHttpDate } from './http-date.ts';
import type { OriginAnchors } from './origin-anchors.ts';
import type { ShareVerdict } from './share.ts';

/** What the origin said about a file when it was asked. */
export interface OriginFile {
  /** The URL the job named, in normal form: the name of the content. */
  readonly url: string;
  /** The URL that answered after all redirects. */
  readonly finalUrl: string;
  /** Bytes of the whole file, or null when the origin does not tell. */
  readonly size: number | null;
  /** Null when the size is unknown. */
  readonly version: FileVersion | null;
  /** Whether parts can be asked for. */
  readonly acceptsRanges: boolean;
  /** Whether the content may be kept for other nodes. */
  readonly share: ShareVerdict;
  /** What the origin says about the content itself. */
  readonly anchors: OriginAnchors;
  /** Whether Last-Modified is a strong validator (RFC 9110 section 8.8.2.2), so that it may stand in If-Range. */
  readonly dateIsStrong: boolean;
  /** The headers of the answer, see response-headers.ts; for people and programs, the node itself does not use them. */
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** The job's own headers, sent with each request for this file; may hold secrets, so never log or store them. */
  readonly requestHeaders: RequestHeaders;
}

/** What tells one version from the next, as one answer named it. */
export interface Validators {
  readonly lastModifiedMs: number | null;
  readonly etag: string | null;
}

/** Reads ETag and Last-Modified of an answer; malformed ones count as absent. */
export function readValidators(headers: ResponseHeaders, nowMs: number): Validators {
  return {
    lastModifiedMs: parseHttpDate(singleHeader(headers, 'last-modified'), nowMs),
    etag: acceptEntityTag(singleHeader(headers, 'etag')),
  };
}

/** Whether Last-Modified lies at least a second before Date, both by the origin's clock (RFC 9110 section 8.8.2.2). */
export function dateIsStrong(headers: ResponseHeaders, nowMs: number): boolean {
  const dateMs = parseHttpDate(singleHeader(headers, 'date'), nowMs);
  const modifiedMs = parseHttpDate(singleHeader(headers, 'last-modified'), nowMs);
  return dateMs !== null && modifiedMs !== null && dateMs - modifiedMs >= 1000;
}

/** Whether a later answer shows another version. What it leaves out proves nothing: a 206 may omit Last-Modified (RFC 9110 section 15.3.7). */
export function contradicts(version: Validators, later: Validators): boolean {
  if (version.etag !== null && later.etag !== null && !matchEntityTags(version.etag, later.etag)) return true;
  return (
    version.lastModifiedMs !== null && later.lastModifiedMs !== null && version.lastModifiedMs !== later.lastModifiedMs
  );
}
