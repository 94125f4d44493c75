import { constants, type FileHandle, open } from 'node:fs/promises';

/** Beside the destination while a file is incomplete. */
export const PART_SUFFIX = '.nbpart';
const JOURNAL_SUFFIX = '.nbpart.log';

/** Where the bytes lie until the file is handed over. */
export function partPath(destination: string): string {
  return destination + PART_SUFFIX;
}

/** Where the journal of the part file lies. */
export function journalPath(destination: string): string {
  return destination + JOURNAL_SUFFIX;
}

/**
 * Opens a file that grows, empty when `fresh`, and makes it with `mode` when it is not there; never follows a link that
 * somebody put in its place.
 */
export async function openPart(path: string, fresh: boolean, mode = 0o666): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (fresh ? constants.O_TRUNC : 0);
  return open(path, flags, mode);
}
