import type { Claim } from '../content/anchors.ts';
import type { Descriptor } from '../content/descriptor.ts';
import { type ByteRange, resolveRanges } from '../core/byte-range.ts';
import { type ErrorCode, NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import { parseOriginUrl } from '../core/url.ts';
import { PiecesUnfit } from '../exchange/pieces-unfit.ts';
import { PartFile } from '../transfer/part-file.ts';
import { accept } from './accept.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps } from './deps.ts';
import { checkDestination } from './destination.ts';
import { fetchVersion } from './fetch-version.ts';
import { fetchWholeFile } from './fetch-whole-file.ts';
import type { FileTask } from './file-task.ts';
import { findDescriptor } from './find-descriptor.ts';
import { findVersion, requireRandomAccess, requireRanges, type Target } from './find-version.ts';
import { givenClaim } from './given-claim.ts';
import type { Wish } from './wish.ts';

/** A file is started over at most this often, for instance because it changes at the origin. */
const MAX_ATTEMPTS = 5;

/**
 * The whole flow of one file, up to the point where all its bytes lie under its temporary name:
 *
 * 1. check what was asked and where it shall go, and fetch the Metalink document where the job names one;
 * 2. ask the origin which version the URL stands for;
 * 3. find what describes its content: given with the job, in the URL, or said by the origin;
 * 4. fetch that version from the cache, neighbours and the origin into the part file;
 * 5. compare the digest, or the pieces where only those are known.
 *
 * A file that changes at the origin starts over at 2, and one whose pieces do not fit without them; a wrong digest with bytes from neighbours starts over at 2 with
 * the origin alone (see accept.ts). Returns null when only a part is wanted now (see Steering) and that part is there.
 * @throws NearbitsError, or the reason of the signal; the part file is kept for the next try.
 */
export async function fetchFile(task: FileTask, deps: FetchDeps, signal: AbortSignal): Promise<Delivered | null> {
  const url = parseOriginUrl(task.request.url);
  await checkDestination(task.request.destination, task.request.overwrite);
  const given = await givenClaim(url, task, deps, signal);
  const sha256 = task.request.sha256 ?? hex(given?.sha256 ?? null);
  let { originOnly } = task.request;
  let rangesServed = true;
  let piecesFit = true;
  let isRetry = false;
  for (let attempt = 1; ; attempt++) {
    const target = await findVersion(url, sha256, task, deps, signal);
    const whole = target.said === 'origin' && target.file.version === null;
    if (whole && task.request.onDemand) requireRandomAccess(target.file);
    if (target.said === 'origin' && (whole || task.request.manner === 'one-go'))
      return fetchWholeFile(target.file, given, task, deps, signal);
    const wish = wishFor(url, withRanges(target, rangesServed), task, originOnly);
    try {
      const descriptor = await describe(wish, given, task, deps, signal);
      const described = { ...wish, descriptor: piecesFit ? descriptor : withoutPieces(descriptor) };
      const fetched = await fetchVersion(described, task, deps, signal);
      if (fetched === null) return null;
      const delivered = await accept({ fetched, wish: described, isRetry }, task, deps, signal);
      if (delivered !== null) return delivered;
      originOnly = true;
      isRetry = true;
    } catch (error) {
      signal.throwIfAborted();
      if ((await restartOrThrow(error, attempt, task)) === 'E_ORIGIN_NO_RANGES') rangesServed = false;
      if (error instanceof PiecesUnfit) piecesFit = false;
    }
  }
}

/** What the whole file must be. What others say is about the whole file, so that it is of no use for ranges. */
async function describe(
  { url, version, file }: Omit<Wish, 'descriptor'>,
  given: Claim | null,
  { request, note }: FileTask,
  { clock, origin }: FetchDeps,
  signal: AbortSignal,
): Promise<Descriptor | null> {
  if (request.ranges !== null) return null;
  const subject = { url, size: version.size, sha256: request.sha256, given, file };
  return findDescriptor(subject, { clock, origin, note }, signal);
}

function wishFor(url: string, target: Target, task: FileTask, originOnly: boolean): Omit<Wish, 'descriptor'> {
  const wantsRanges = task.request.ranges !== null;
  if (target.said === 'neighbours') {
    if (originOnly)
      throw new NearbitsError(
        'E_VALIDATION_FAILED',
        'what the neighbours hold does not match the digest, and the origin cannot be reached',
      );
    return { url, version: target.version, ranges: rangesOf(task, target.version), file: null, originOnly };
  }
  if (task.request.onDemand) requireRandomAccess(target.file);
  requireRanges(target.file, wantsRanges);
  const version = target.file.version as FileVersion;
  return { url, version, ranges: rangesOf(task, version), file: target.file, originOnly };
}

function rangesOf(task: FileTask, version: FileVersion): ByteRange[] {
  const asked = task.request.ranges;
  if (asked === null) return [{ start: 0, end: version.size }];
  return resolveRanges(asked, version.size);
}

// A server may name ranges as accepted and not serve them: noticed only when one is asked for.
function withRanges(target: Target, rangesServed: boolean): Target {
  if (target.said !== 'origin' || rangesServed) return target;
  return { said: 'origin', file: { ...target.file, acceptsRanges: false } };
}

/** Says why the file starts over. @throws NearbitsError when starting over would not help. */
async function restartOrThrow(error: unknown, attempt: number, task: FileTask): Promise<ErrorCode> {
  const { code, message } = toNearbitsError(error);
  const canHelp =
    code === 'E_ORIGIN_CHANGED' ||
    error instanceof PiecesUnfit ||
    (code === 'E_ORIGIN_NO_RANGES' && task.request.ranges === null && !task.request.onDemand);
  if (!canHelp || attempt >= MAX_ATTEMPTS) throw error;
  task.note('STARTED_OVER', `starting the file over: ${message}`, { attempt, code });
  if (code === 'E_ORIGIN_CHANGED') await PartFile.remove(task.request.destination);
  return code;
}

function withoutPieces(descriptor: Descriptor | null): Descriptor | null {
  return descriptor === null ? null : { ...descriptor, pieces: null };
}

function hex(digest: Uint8Array | null): string | null {
  return digest === null ? null : Buffer.from(digest).toString('hex');
}
