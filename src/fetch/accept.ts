import { printAnchor } from '../content/anchors.ts';
import type { Anchor } from '../content/descriptor.ts';
import { NearbitsError } from '../core/errors.ts';
import { type Comparison, compareFile } from './compare-file.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps } from './deps.ts';
import type { Fetched } from './fetch-version.ts';
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
  const comparison = await compareFile(part, wish, task.request, signal);
  if (comparison?.matches === false) {
    await part.discard();
    reject(candidate, comparison, task, deps);
    return null;
  }
  if (comparison !== null)
    task.note('DIGEST_OK', `the file matches ${printAnchor(comparison.anchor)}`, comparison.data);
  await part.seal();
  const { url, version } = wish;
  const sha256 = comparison?.sha256 ?? null;
  return { url, version, lastModifiedMs: version.lastModifiedMs, bytes: part.wanted.size, sha256, share };
}

// As in BITS (SetValidationState): wrong and from neighbours means once more from the origin only; wrong from the origin is
// an error. When the origin itself named the digest, its transfer may have been damaged: then it is asked once more, too.
function reject(
  { fetched, isRetry }: Candidate,
  { anchor, data }: Comparison,
  { note }: FileTask,
  deps: FetchDeps,
): void {
  const details = { ...data, anchor: anchor.kind, givers: fetched.givers };
  const message = `the file does not match ${printAnchor(anchor)}`;
  note('DIGEST_MISMATCH', message, details);
  const isFinal = fetched.allFromOrigin && (isRetry || anchor.kind === 'job-digest');
  if (isFinal) throw new NearbitsError('E_VALIDATION_FAILED', message, { details, hint: hintFor(anchor) });
  blame(fetched, anchor, deps);
}

function hintFor(anchor: Anchor): string {
  return anchor.kind === 'job-digest'
    ? 'Check the digest; if it is right, the origin delivers another file than the one it belongs to.'
    : 'The origin delivered the same wrong bytes twice, or names a wrong digest: tell whoever runs it. A digest given with the job counts instead.';
}

// An origin may name a digest that is wrong, and its neighbours cannot know: only what does not depend on its care convicts them.
function blame({ givers }: Fetched, { kind }: Anchor, deps: FetchDeps): void {
  const neighbours = deps.neighbours();
  if (!neighbours.on || (kind !== 'job-digest' && kind !== 'url-digest')) return;
  const error = new NearbitsError('E_PEER_BAD_DATA', 'took part in a file with a wrong digest');
  for (const giver of givers) neighbours.use.failed(giver, error);
}
