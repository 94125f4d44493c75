import { type ByteRange, parseRequestedRange, resolveRanges } from '../core/byte-range.ts';
import { type ErrorCode, NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import { parseOriginUrl } from '../core/url.ts';
import { PartFile } from '../transfer/part-file.ts';
import type { Delivered } from './delivered.ts';
import type { JobDeps } from './deps.ts';
import { checkDestination } from './destination.ts';
import { type Fetched, fetchVersion } from './fetch-version.ts';
import { fetchWholeFile } from './fetch-whole-file.ts';
import { findVersion, requireRanges, type Target } from './find-version.ts';
import type { TransferJob } from './transfer-job.ts';
import type { Wish } from './wish.ts';

/** A file is started over at most this often, for instance because it changes at the origin. */
const MAX_ATTEMPTS = 5;

/**
 * The whole flow of one transfer:
 *
 * 1. check what was asked and where it shall go;
 * 2. ask the origin which version the URL stands for;
 * 3. fetch that version from the cache, neighbours and the origin into the part file;
 * 4. compare the digest, when one was given;
 * 5. move the part file to its destination.
 *
 * A file that changes at the origin starts over at 2; a wrong digest with bytes
 * from neighbours starts over at 2 with the origin alone. `deps.beforeHandOver`
 * is awaited right before 5, so that a crash after the rename can be told from one before it.
 * @throws NearbitsError
 */
export async function runTransfer(job: TransferJob, deps: JobDeps, signal: AbortSignal): Promise<Delivered> {
  const url = parseOriginUrl(job.request.url);
  await checkDestination(job.request.destination, job.request.overwrite);
  let originOnly = false;
  let rangesServed = true;
  for (let attempt = 1; ; attempt++) {
    const target = await findVersion(url, job, deps, signal);
    if (target.said === 'origin' && target.file.version === null) return fetchWholeFile(target.file, job, deps, signal);
    const wish = wishFor(url, withRanges(target, rangesServed), job, originOnly);
    try {
      const fetched = await fetchVersion(wish, job, deps, signal);
      const delivered = await deliver(fetched, wish, job, deps, signal);
      if (delivered !== null) return delivered;
      originOnly = true;
    } catch (error) {
      rangesServed = (await restartOrThrow(error, attempt, job)) !== 'E_ORIGIN_NO_RANGES' && rangesServed;
    }
  }
}

function wishFor(url: string, target: Target, job: TransferJob, originOnly: boolean): Wish {
  const wantsRanges = job.request.ranges !== undefined;
  if (target.said === 'neighbours') {
    if (originOnly)
      throw new NearbitsError(
        'E_VALIDATION_FAILED',
        'what the neighbours hold does not match the digest, and the origin cannot be reached',
      );
    return { url, version: target.version, ranges: rangesOf(job, target.version), file: null, originOnly };
  }
  requireRanges(target.file, wantsRanges);
  const version = target.file.version as FileVersion;
  return { url, version, ranges: rangesOf(job, version), file: target.file, originOnly };
}

function rangesOf(job: TransferJob, version: FileVersion): ByteRange[] {
  const asked = job.request.ranges;
  if (asked === undefined) return [{ start: 0, end: version.size }];
  return resolveRanges(asked.map(parseRequestedRange), version.size);
}

/** Compares the digest and hands the file over; null when it has to be fetched again from the origin. */
async function deliver(
  fetched: Fetched,
  wish: Wish,
  job: TransferJob,
  deps: JobDeps,
  signal: AbortSignal,
): Promise<Delivered | null> {
  const { part } = fetched;
  const wanted = job.request.sha256;
  const sha256 = wanted === undefined ? null : await part.digest(signal);
  if (sha256 !== (wanted ?? null)) {
    await part.discard();
    rejectDigest(fetched, sha256 as string, job, deps);
    return null;
  }
  if (sha256 !== null) job.note('DIGEST_OK', 'the file matches the digest that was asked for', { sha256 });
  const delivered = { wish, pieces: part.pieces(), pieceSize: part.pieceSize, sha256, share: fetched.share };
  await checkDestination(job.request.destination, job.request.overwrite);
  await deps.beforeHandOver(job);
  await part.finish();
  return delivered;
}

// As in BITS (SetValidationState): wrong and from neighbours means once more from the origin only; wrong from the origin is an error.
function rejectDigest(fetched: Fetched, found: string, job: TransferJob, deps: JobDeps): void {
  const data = { expected: job.request.sha256, found, givers: fetched.givers };
  job.note('DIGEST_MISMATCH', 'the file does not match the digest that was asked for', data);
  const error = new NearbitsError('E_VALIDATION_FAILED', 'the file does not match the digest that was asked for', {
    details: data,
    hint: 'Check the digest; if it is right, the origin delivers another file than the one it belongs to.',
  });
  if (fetched.allFromOrigin) throw error;
  const neighbours = deps.neighbours();
  if (!neighbours.on) return;
  const blame = new NearbitsError('E_PEER_BAD_DATA', 'took part in a file with a wrong digest');
  for (const giver of fetched.givers) neighbours.use.failed(giver, blame);
}

// A server may name ranges as accepted and not serve them: noticed only when one is asked for.
function withRanges(target: Target, rangesServed: boolean): Target {
  if (target.said !== 'origin' || rangesServed) return target;
  return { said: 'origin', file: { ...target.file, acceptsRanges: false } };
}

/** Says why the transfer starts over. @throws NearbitsError when starting over would not help. */
async function restartOrThrow(error: unknown, attempt: number, job: TransferJob): Promise<ErrorCode> {
  const { code, message } = toNearbitsError(error);
  const canHelp = code === 'E_ORIGIN_CHANGED' || (code === 'E_ORIGIN_NO_RANGES' && job.request.ranges === undefined);
  if (!canHelp || attempt >= MAX_ATTEMPTS) throw error;
  job.note('STARTED_OVER', `starting the file over: ${message}`, { attempt, code });
  if (code === 'E_ORIGIN_CHANGED') await PartFile.remove(job.request.destination);
  return code;
}
