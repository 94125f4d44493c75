/** Content the test origin can serve. */
export interface Content {
  readonly size: number;
  read(start: number, end: number): Buffer;
}

/** How an origin misbehaves; faults can be combined, absent ones do not happen. */
export interface Faults {
  /** Answers every request with this status and a short text. */
  readonly status?: number;
  /** Answers HEAD with this status, such as 405. */
  readonly headStatus?: number;
  /** Sends to another URL; with `redirectStatus`, 302 unless told otherwise. */
  readonly redirectTo?: string;
  readonly redirectStatus?: number;
  /** Cuts the connection after so many bytes of the body. */
  readonly closeAfterBytes?: number;
  /** Cuts the connection instead of answering. */
  readonly closeAtOnce?: boolean;
  /** Sends nothing more after so many bytes of the body, and keeps the connection. */
  readonly stallAfterBytes?: number;
  /** Never answers. */
  readonly hang?: boolean;
  /** Answers only when this resolves. */
  readonly waitFor?: Promise<unknown>;
  /** Added to Content-Length: more than is sent when positive. */
  readonly addToLength?: number;
  /** Sends so many bytes after the announced end; chunked, because HTTP has no other way to do so. */
  readonly extraBytes?: number;
  /** Announces ranges but answers 200 with everything. */
  readonly ignoreRange?: boolean;
  /** Says Accept-Ranges: none and answers 200 with everything. */
  readonly noRanges?: boolean;
  /** Serves ranges but does not announce them. */
  readonly silentRanges?: boolean;
  /** Answers every Range with 416. */
  readonly refuseRange?: boolean;
  /** Sends this instead of the right Content-Range. */
  readonly contentRange?: string;
  /** Starts a 206 so many bytes later than asked, and says so. */
  readonly shiftRange?: number;
  /** Names no length: chunked, and none in HEAD. */
  readonly noLength?: boolean;
  /** Names no length and ends the body by closing, as HTTP/1.0 does. */
  readonly untilClose?: boolean;
  /** Compresses although identity was asked. */
  readonly gzip?: boolean;
  /** Sends no faster than this. */
  readonly bytesPerSecond?: number;
}

/** One path of the test origin. */
export interface OriginScript {
  readonly content: Content;
  /** Default: a strong one made from the content's size. */
  readonly etag?: string | null;
  /** Default: Tue, 01 Sep 2026 10:00:00 GMT. */
  readonly lastModified?: string | null;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly faults?: Faults;
  /** Once this many GETs with a Range were answered, the path becomes `next`. */
  readonly changeAfterRanges?: number;
  readonly next?: OriginScript;
}

/** When the test files were modified, unless a script says otherwise. */
export const LAST_MODIFIED = 'Tue, 01 Sep 2026 10:00:00 GMT';

/** Content from bytes in memory. */
export function bytesContent(bytes: Uint8Array): Content {
  const buffer = Buffer.from(bytes);
  return { size: buffer.length, read: (start, end) => buffer.subarray(start, end) };
}

/** The ETag a script stands for. */
export function etagOf(script: OriginScript): string | null {
  return script.etag === undefined ? `"size-${script.content.size}"` : script.etag;
}

/** The Last-Modified a script stands for. */
export function lastModifiedOf(script: OriginScript): string | null {
  return script.lastModified === undefined ? LAST_MODIFIED : script.lastModified;
}
