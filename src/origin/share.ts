import { type FileVersion, hasValidator } from '../core/file-version.ts';
import { cacheDirectives } from './cache-control.ts';
import { listHeader, listMembers, type RequestHeaders, type ResponseHeaders } from './headers.ts';

/** Why content must not be given to others. */
export type UnsharedReason =
  /** Cache-Control: private, RFC 9111 section 5.2.2.7. */
  | 'private'
  /** Cache-Control: no-store, RFC 9111 section 5.2.2.5. */
  | 'no-store'
  /** The answer sets a cookie, so it was made for one client. */
  | 'set-cookie'
  /** The answer depends on something unnamed, or on a header that this job set (Vary, RFC 9111 section 4.1). */
  | 'vary'
  /** The job sent headers that may hold credentials (RFC 9111 section 3.5), or has a login or a client certificate. */
  | 'credentials'
  /** Neither ETag nor Last-Modified: one version cannot be told from the next. */
  | 'no-validator'
  /** The origin names no size. */
  | 'no-size'
  /** It was not fetched with GET, so the URL alone does not name it. */
  | 'method';

/** Whether content may be kept for other nodes, and if not, why. */
export type ShareVerdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: UnsharedReason };

// Request headers that say what is wanted, never who asks.
const HARMLESS: ReadonlySet<string> = new Set(['accept', 'accept-language', 'user-agent']);

/** Whether a request header may hold something secret; everything that is not known to be harmless may. */
export function mayBeSecret(name: string): boolean {
  return !HARMLESS.has(name.toLowerCase());
}

/** What of a job bears on sharing. */
export interface Asker {
  readonly method: string;
  /** The job's own headers. */
  readonly requestHeaders: RequestHeaders;
  /** Whether the job has credentials for servers or a client certificate. */
  readonly showsIdentity: boolean;
}

/** Judges an answer that stands for the whole file: a HEAD, or a GET with its headers. `version` is null without a size. */
export function judgeSharing(headers: ResponseHeaders, version: FileVersion | null, asker: Asker): ShareVerdict {
  const reason = forbiddenBy(headers, asker) ?? missingVersion(version);
  return reason === null ? { allowed: true } : { allowed: false, reason };
}

/** The reason an answer itself gives against sharing, or null; for later answers of a file that was judged before. */
export function forbiddenBy(headers: ResponseHeaders, asker: Asker): UnsharedReason | null {
  const { requestHeaders } = asker;
  if (asker.method !== 'GET') return 'method';
  const directives = cacheDirectives(listHeader(headers, 'cache-control'));
  if (directives.has('no-store')) return 'no-store';
  if (directives.has('private')) return 'private';
  if (headers['set-cookie'] !== undefined) return 'set-cookie';
  if (variesWith(headers, requestHeaders)) return 'vary';
  return asker.showsIdentity || Object.keys(requestHeaders).some(mayBeSecret) ? 'credentials' : null;
}

function variesWith(headers: ResponseHeaders, requestHeaders: RequestHeaders): boolean {
  const varying = new Set(listMembers(listHeader(headers, 'vary')));
  return varying.has('*') || Object.keys(requestHeaders).some((name) => varying.has(name.toLowerCase()));
}

function missingVersion(version: FileVersion | null): UnsharedReason | null {
  if (version === null) return 'no-size';
  return hasValidator(version) ? null : 'no-validator';
}
