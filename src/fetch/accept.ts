import { printAnchor } from '../content/anchors.ts';
import { type Anchor, isGiven } from '../content/descriptor.ts';
import { NearbitsError } from '../core/errors.ts';
import { hasValidator } from '../core/file-version.ts';
import { type Comparison, comparedByPieces, compareFile, mismatchOf } from './compare-file.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps } from './deps.ts';
import { type Fetched, pausePart } from './fetch-version.ts';
import type { FileTask } from './file-task.ts';
import type { Wish } from './wish.ts';

/** A file that is complete but not yet accepted. */
export interface Candidate {
  readonly fetched: Fetched;
  readonly wish: Wish;
  /** Whether it was fetched again because its digest was wrong. */
  readonly isRetry: boolean;
}

/**
 * Compares the file with what it must be and closes the complete part file; null when it has to be fetched again from the
 * origin alone.
 * @throws NearbitsError E_VALIDATION_FAILED when that cannot help any more.
 */
export async function accept(
  candidate: Candidate,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Delivered | null> {
  const { fetched, wish } = candidate;
  const { part, share } = fetched;
  await using refusal = new AsyncDisposableStack();
  refusal.defer(() => fetched.refused());
  const comparison = await compare(candidate, task, deps, signal);
  if (comparison?.matches === false) {
    await part.discard();
    reject(candidate, comparison, task, deps);
    return null;
  }
  if (comparison !== null)
    task.note('DIGEST_OK', `the file matches ${printAnchor(comparison.anchor)}`, comparison.data);
  await part.seal();
  refusal.move();
  await fetched.accepted();
  const { url, version } = wish;
  const sha256 = comparison?.sha256 ?? null;
  return { url, version, lastModifiedMs: version.lastModifiedMs, bytes: part.wanted.size, sha256, share };
}

// Whoever stops meanwhile goes on with the complete file.
async function compare(
  { fetched: { part, isProven }, wish }: Candidate,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Comparison | null> {
  const { descriptor, version } = wish;
  // A file that has no validator is told apart by its digest alone, see whyNotShared.
  const known = isProven && descriptor !== null && hasValidator(version) ? comparedByPieces(descriptor) : null;
  if (known !== null) return known;
  try {
    return await compareFile(part, descriptor, task.request.sha256, signal);
  } catch (error) {
    await pausePart(part, deps);
    throw error;
  }
}

// As in BITS (SetValidationState): wrong and from neighbours means once more from the origin only; wrong from the origin is
// an error. When the origin itself named the digest, its transfer may have been damaged: then it is asked once more, too.
function reject({ fetched, isRetry }: Candidate, comparison: Comparison, { note }: FileTask, deps: FetchDeps): void {
  const { anchor } = comparison;
  const failure = mismatchOf(comparison, { givers: fetched.givers });
  note('DIGEST_MISMATCH', failure.message, failure.details);
  if (fetched.allFromOrigin && (isRetry || isGiven(anchor))) throw failure;
  blame(fetched, anchor, deps);
}

// An origin may name a digest that is wrong, and its neighbours cannot know: only what does not depend on its care convicts them.
function blame({ givers }: Fetched, anchor: Anchor, deps: FetchDeps): void {
  const neighbours = deps.neighbours();
  if (!neighbours.on || (!isGiven(anchor) && anchor.kind !== 'url-digest')) return;
  const error = new NearbitsError('E_PEER_BAD_DATA', 'took part in a file with a wrong digest');
  for (const giver of givers) neighbours.use.failed(giver, error);
}
