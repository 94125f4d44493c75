import { printAnchor } from '../content/anchors.ts';
import type { Anchor } from '../content/descriptor.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Delivered } from './delivered.ts';
import type { FetchDeps } from './deps.ts';
import type { Fetched } from './fetch-version.ts';
import type { FileTask } from './file-task.ts';
import { findDescriptor } from './find-descriptor.ts';
import type { Wish } from './wish.ts';

/** The digest that the bytes written must have, and who says so. */
export interface ExpectedDigest {
  /** In hex. */
  readonly sha256: string;
  readonly anchor: Anchor;
}

/** A file that is complete but not yet accepted. */
export interface Candidate {
  readonly fetched: Fetched;
  readonly wish: Wish;
  /** Null when nobody says what the digest should be. */
  readonly expected: ExpectedDigest | null;
  /** Whether it was fetched again because its digest was wrong. */
  readonly isRetry: boolean;
}

/**
 * The digest to compare the finished file with: the one given with the job; else, for whole files, the one that the URL or
 * the origin names; else null.
 * @throws NearbitsError E_VALIDATION_FAILED when the origin contradicts itself.
 */
export async function expectDigest(
  { url, version, file }: Wish,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<ExpectedDigest | null> {
  const { sha256, ranges } = task.request;
  if (sha256 !== null) return { sha256, anchor: { kind: 'job-digest' } };
  // What others say is about the whole file.
  if (ranges !== null) return null;
  const found = await findDescriptor(
    { url, size: version.size, sha256: null, file },
    { clock: deps.clock, origin: deps.origin, note: task.note },
    signal,
  );
  if (found === null || found.sha256 === null) return null;
  return { sha256: Buffer.from(found.sha256).toString('hex'), anchor: found.anchor };
}

/**
 * Compares the digest and closes the complete part file; null when it has to be fetched again from the origin alone.
 * @throws NearbitsError E_VALIDATION_FAILED when that cannot help any more.
 */
export async function accept(
  candidate: Candidate,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Delivered | null> {
  const { fetched, wish, expected } = candidate;
  const { part, share } = fetched;
  const sha256 = expected === null ? null : await part.digest(signal);
  if (expected !== null && sha256 !== expected.sha256) {
    await part.discard();
    reject(candidate, expected, sha256 as string, task, deps);
    return null;
  }
  if (expected !== null) task.note('DIGEST_OK', `the file matches ${printAnchor(expected.anchor)}`, { sha256 });
  await part.seal();
  const { url, version } = wish;
  return { url, version, lastModifiedMs: version.lastModifiedMs, bytes: part.wanted.size, sha256, share };
}

// As in BITS (SetValidationState): wrong and from neighbours means once more from the origin only; wrong from the origin is
// an error. When the origin itself named the digest, its transfer may have been damaged: then it is asked once more, too.
function reject(
  { fetched, isRetry }: Candidate,
  { sha256, anchor }: ExpectedDigest,
  found: string,
  task: FileTask,
  deps: FetchDeps,
): void {
  const data = { expected: sha256, found, anchor: anchor.kind, givers: fetched.givers };
  const message = `the file does not match ${printAnchor(anchor)}`;
  task.note('DIGEST_MISMATCH', message, data);
  const isFinal = fetched.allFromOrigin && (isRetry || anchor.kind === 'job-digest');
  if (isFinal) throw new NearbitsError('E_VALIDATION_FAILED', message, { details: data, hint: hintFor(anchor) });
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
