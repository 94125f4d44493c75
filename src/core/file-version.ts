/**
 * Which content a URL stood for when the origin was asked. Two versions are the
 * same only when all three agree; the origin alone says which one is wanted.
 */
export interface FileVersion {
  /** Size of the whole file in bytes, 0 to 2^53 - 1. */
  readonly size: number;
  /** Last-Modified in milliseconds since 1970, or null when the origin names none. */
  readonly lastModifiedMs: number | null;
  /** ETag as the origin sent it, quotes and weakness mark included, or null. */
  readonly etag: string | null;
}

/** Whether both name the same content. */
export function sameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.size === b.size && a.lastModifiedMs === b.lastModifiedMs && a.etag === b.etag;
}

/** Whether the origin gave anything that changes with the content; without it nothing can be shared by version. */
export function hasValidator(version: FileVersion): boolean {
  return version.lastModifiedMs !== null || version.etag !== null;
}

/** One line for people: size, date, ETag. */
export function printVersion(version: FileVersion): string {
  const date = version.lastModifiedMs === null ? 'no date' : new Date(version.lastModifiedMs).toISOString();
  return `${version.size} bytes, ${date}, ${version.etag ?? 'no ETag'}`;
}
