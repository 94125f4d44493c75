import { access, constants, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { BitsCode } from '../../core/bits-codes.ts';
import type { RequestedRange } from '../../core/byte-range.ts';
import type { Caller } from '../../core/caller.ts';
import { NearbitsError, systemErrorCode } from '../../core/errors.ts';
import { parseOriginUrl } from '../../core/url.ts';
import { isWithin } from '../../security/folders.ts';
import { journalPath } from '../../transfer/part-paths.ts';
import type { Job } from '../job.ts';
import { requestedRange } from '../model/ranges.ts';
import type { JobRange } from '../model/view.ts';

/** Longest path: bytes on POSIX (PATH_MAX), characters on Windows (MAX_PATH, the limit of BITS). */
export const MAX_PATH_LENGTH = process.platform === 'win32' ? 260 : 4096;
/** Longest name of one file or folder on common file systems, in bytes. */
export const MAX_SEGMENT_BYTES = 255;
/** The journal of an incomplete file has the longest name beside the file: its name and this. */
const LONGEST_SUFFIX = journalPath('');

const CONTROLS = /\p{Cc}/u;

/**
 * Checks the remote name of a file and returns it in its normal form.
 * @throws NearbitsError E_INVALIDARG when it is no http or https URL, longer than 2,200 characters, or holds credentials.
 */
export function checkRemoteName(url: string): string {
  try {
    return parseOriginUrl(url);
  } catch (error) {
    if (!(error instanceof NearbitsError)) throw error;
    throw new NearbitsError('E_INVALIDARG', error.message, {
      cause: error,
      details: { argument: 'remoteUrl' },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/**
 * Checks the form of a local name: an absolute path of a file, without control characters and `..`, within the limits
 * of the file system.
 * @throws NearbitsError E_INVALIDARG saying what is wrong.
 */
export function checkLocalName(path: string): void {
  if (CONTROLS.test(path) || !path.isWellFormed()) throw badName('holds control characters or broken text');
  if (!isAbsolute(path)) throw badName('is not an absolute path', 'Write the path from the root on.');
  const longest = MAX_PATH_LENGTH - LONGEST_SUFFIX.length - 1; // and the zero that ends a path
  if (lengthOf(path) > longest) throw badName(`is longer than ${longest}`);
  const segments = path.split(process.platform === 'win32' ? /[/\\]/ : '/');
  if (segments.includes('..')) throw badName('climbs with ".."', 'Write the path without "..".');
  if (segments.some((one) => Buffer.byteLength(one) > MAX_SEGMENT_BYTES)) {
    throw badName(`has a part of more than ${MAX_SEGMENT_BYTES} bytes`);
  }
  checkFileName(segments.at(-1) ?? '');
}

function checkFileName(name: string): void {
  if (name === '' || name === '.') throw badName('names a folder', 'Name the file to write.');
  const longest = MAX_SEGMENT_BYTES - LONGEST_SUFFIX.length;
  if (Buffer.byteLength(name) <= longest) return;
  throw badName(
    `names a file of more than ${longest} bytes`,
    `While it is fetched, a file NAME${LONGEST_SUFFIX} lies beside it, which may have ${MAX_SEGMENT_BYTES}.`,
  );
}

function lengthOf(path: string): number {
  return process.platform === 'win32' ? path.length : Buffer.byteLength(path);
}

function badName(why: string, hint?: string): NearbitsError {
  return new NearbitsError('E_INVALIDARG', `the local name ${why}`, {
    details: { argument: 'localName' },
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * Makes sure that the caller's file may lie at `path` (checked by {@link checkLocalName}): its folder exists, can be
 * written by the node, and lies below one of the caller's folders with all links resolved.
 *
 * Folders can be exchanged for links between two looks at them. So a fenced caller's file is to be written under the
 * name that is returned, and whoever opens or renames it later has to ask again.
 * @returns the path; with all links of its folder resolved when the caller is fenced in.
 * @throws NearbitsError E_ACCESSDENIED, or BG_E_FILE_NOT_FOUND when the folder is missing.
 */
export async function checkFolder(caller: Pick<Caller, 'folders'>, path: string): Promise<string> {
  const folder = dirname(path);
  const real = await resolve(folder, caller.folders !== null);
  if (caller.folders !== null && !caller.folders.some((allowed) => isWithin(real, allowed))) throw outside(folder);
  try {
    await access(real, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw denied(`the node may not write to ${folder} (${systemErrorCode(error)})`, error);
  }
  return caller.folders === null ? path : join(real, basename(path));
}

/**
 * Asks again whether a file of a fenced user still lies within the fence: a folder may have become a link since the file
 * was added. Between this look and the opening of the file a short time is left, in which the folder could be exchanged.
 * @throws NearbitsError E_ACCESSDENIED
 */
export async function checkFence(job: Job, index: number): Promise<void> {
  const { folders, files } = job.record;
  const path = files[index]?.localName;
  if (folders === null || path === undefined) return;
  if ((await checkFolder({ folders }, path)) !== path) throw outside(dirname(path));
}

// Whoever is fenced in must not learn what exists outside of the fence.
async function resolve(folder: string, fenced: boolean): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw denied(`${folder} cannot be used (${code})`, error);
    if (fenced) throw outside(folder);
    throw new NearbitsError('BG_E_FILE_NOT_FOUND', `the folder ${folder} does not exist`, {
      cause: error,
      hint: `Create ${folder} first.`,
    });
  }
}

function outside(folder: string): NearbitsError {
  return new NearbitsError('E_ACCESSDENIED', `${folder} does not lie in a folder that this user may write to`, {
    details: { argument: 'localName' },
    hint: 'Choose a destination in one of your folders, or let the administrator add this one.',
  });
}

function denied(message: string, cause: unknown): NearbitsError {
  return new NearbitsError('E_ACCESSDENIED', message, { cause, details: { argument: 'localName' } });
}

/**
 * Checks the ranges of a file; the size of the file is not known yet. Their order is kept: it is the order of writing.
 * Overlaps are found after sorting, so a range to the end need not come last.
 * @param limit most ranges of one file; Infinity for administrators.
 * @throws NearbitsError E_INVALIDARG for no range or an empty one, BG_E_TOO_MANY_RANGES_IN_FILE, BG_E_INVALID_RANGE
 * beyond 2^53 - 1, BG_E_OVERLAPPING_RANGES.
 */
export function checkRanges(ranges: readonly JobRange[], limit: number): RequestedRange[] {
  if (ranges.length === 0) throw badRange('E_INVALIDARG', 'the list of ranges is empty');
  if (ranges.length > limit) {
    throw badRange('BG_E_TOO_MANY_RANGES_IN_FILE', `${ranges.length} ranges; at most ${limit} are allowed in a file`);
  }
  for (const range of ranges) checkRange(range);
  const requested = ranges.map(requestedRange);
  checkOverlaps(requested);
  return requested;
}

/**
 * Checks one range by itself, as all calls that take ranges need it.
 * @throws NearbitsError E_INVALIDARG when it is empty, BG_E_INVALID_RANGE when it lies beyond 2^53 - 1.
 */
export function checkRange({ offset, length }: JobRange): void {
  const end = length === 'EOF' ? offset : offset + length;
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(end)) {
    throw badRange('BG_E_INVALID_RANGE', `the range of ${length} bytes at ${offset} lies beyond all files`);
  }
  if (length !== 'EOF' && length <= 0) throw badRange('E_INVALIDARG', `the range at ${offset} is empty`);
}

function checkOverlaps(ranges: readonly RequestedRange[]): void {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  let end = 0;
  for (const range of sorted) {
    if (range.start < end) throw badRange('BG_E_OVERLAPPING_RANGES', `two ranges share the byte ${range.start}`);
    end = range.end ?? Number.POSITIVE_INFINITY;
  }
}

function badRange(code: BitsCode, message: string): NearbitsError {
  return new NearbitsError(code, message, { details: { argument: 'ranges' } });
}

/**
 * The remote name with another prefix (BITS: ReplaceRemotePrefix); upper and lower case differ.
 * @returns null when the name does not begin with `from`.
 * @throws NearbitsError E_INVALIDARG when the prefix is empty or the new name is no usable URL.
 */
export function replacePrefix(url: string, from: string, to: string): string | null {
  if (from === '') throw new NearbitsError('E_INVALIDARG', 'the prefix to replace is empty');
  return url.startsWith(from) ? checkRemoteName(to + url.slice(from.length)) : null;
}
