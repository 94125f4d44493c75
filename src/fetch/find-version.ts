import { type ErrorCode, NearbitsError, toNearbitsError } from '../core/errors.ts';
import { type FileVersion, printVersion } from '../core/file-version.ts';
import type { OriginFile } from '../origin/origin-file.ts';
import type { PeerAnswer } from '../peer/search-types.ts';
import { afterFailure } from '../plan/after-failure.ts';
import type { FetchDeps, Neighbours } from './deps.ts';
import type { FileTask } from './file-task.ts';

/** Which content is wanted, and who said so. */
export type Target =
  | { readonly said: 'origin'; readonly file: OriginFile }
  /** The origin cannot be reached; neighbours named this version. */
  | { readonly said: 'neighbours'; readonly version: FileVersion; readonly url: string };

const DOWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_ORIGIN_UNREACHABLE',
  'E_ORIGIN_TIMEOUT',
  'E_ORIGIN_FAILING',
]);

/**
 * Asks the origin which version the URL stands for: the origin alone knows. Only
 * while it cannot be reached, and only as the policy says, neighbours may answer instead. `sha256` in hex was given with
 * the job for its content, or null.
 * @throws NearbitsError the origin's failure when neither can tell.
 */
export async function findVersion(
  url: string,
  sha256: string | null,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Target> {
  for (let failures = 1; ; failures++) {
    try {
      const file = await deps.origin.probe(url, { signal, ask: task.request.manner === 'ranges' });
      if (task.request.manner === 'ranges') task.originKnown(file);
      const what = file.version === null ? 'a file of unknown size' : printVersion(file.version);
      task.note('HEAD', `the origin names ${what}`, {
        version: file.version,
        ranges: file.acceptsRanges,
        share: file.share,
      });
      return { said: 'origin', file };
    } catch (error) {
      const failure = toNearbitsError(error);
      task.note('HEAD_FAILED', failure.message, { code: failure.code });
      // An origin that cannot prove who it is was reached: that is no reason to do without it.
      const down = DOWN.has(failure.code) && failure.details.certificate !== true;
      const target = down ? await askNeighbours(url, sha256, task, deps, signal) : null;
      if (target !== null) return target;
      await waitForOrigin(failure, failures, deps, signal);
    }
  }
}

async function waitForOrigin(
  error: NearbitsError,
  failures: number,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<void> {
  const { originRetries } = deps.policy();
  const verdict = afterFailure({ kind: 'origin', error, failures, originRetries });
  if (verdict.action !== 'wait') throw error;
  await deps.clock.sleep(verdict.delayMs, signal);
}

/** The stated rule for an origin that is down: see `search.whenOriginDown` in docs/CONFIG.md. */
async function askNeighbours(
  url: string,
  sha256: string | null,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Target | null> {
  const rule = deps.policy().whenOriginDown;
  const { usePeers } = task.request;
  const neighbours = deps.neighbours();
  if (!usePeers || !neighbours.on || rule === 'never' || (rule === 'digest' && sha256 === null)) return null;
  const newest = (digest: string | null) =>
    newestVersion(url, digest, neighbours.use, deps.policy().patience.backgroundMs, signal);
  // A holder that was given no digest knows its file by the URL only; the digest is compared when the file is complete.
  const found = (sha256 === null ? null : await newest(sha256)) ?? (await newest(null));
  if (found === null) return null;
  task.note(
    'ORIGIN_DOWN_RULE',
    `the origin cannot be reached; by the rule "${rule}" a neighbour's validated version counts`,
    {
      rule,
      version: found,
    },
  );
  return { said: 'neighbours', version: found, url };
}

async function newestVersion(
  url: string,
  sha256: string | null,
  neighbours: Neighbours,
  patienceMs: number,
  signal: AbortSignal,
): Promise<FileVersion | null> {
  const digest = sha256 === null ? null : Buffer.from(sha256, 'hex');
  const query = { url, version: null, ranges: null, sha256: digest, maxRecords: 5 };
  let newest: FileVersion | null = null;
  for await (const answer of neighbours.search(query, patienceMs, signal)) newest = newer(newest, answer);
  return newest;
}

function newer(best: FileVersion | null, answer: PeerAnswer): FileVersion | null {
  return answer.records
    .map((record) => record.version)
    .reduce<FileVersion | null>((newest, version) => {
      if (newest === null) return version;
      return (version.lastModifiedMs ?? 0) > (newest.lastModifiedMs ?? 0) ? version : newest;
    }, best);
}

/** The same for a file that is fetched range by range as it is asked for (BITS: ON_DEMAND_MODE). */
export function requireRandomAccess(file: OriginFile): void {
  if (file.acceptsRanges && file.size !== null) return;
  throw new NearbitsError('BG_E_RANDOM_ACCESS_NOT_SUPPORTED', 'the origin cannot deliver parts of this file', {
    hint: 'Make a job without onDemandMode, which fetches the whole file.',
  });
}

/** Turns the wish for ranges into an error while they cannot be served. */
export function requireRanges(file: OriginFile, wanted: boolean): void {
  if (!wanted || (file.acceptsRanges && file.size !== null)) return;
  if (file.size === null) {
    throw new NearbitsError('BG_E_MISSING_FILE_SIZE', 'the origin does not say how large the file is', {
      hint: 'Fetch the whole file instead: ranges need a file of known size.',
    });
  }
  throw new NearbitsError('E_ORIGIN_NO_RANGES', 'the origin cannot deliver parts of this file', {
    hint: 'Fetch the whole file instead: leave --range out.',
  });
}
