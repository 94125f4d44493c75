import { type Claim, printAnchor } from '../content/anchors.ts';
import { type DescribedContent, readGivenMetalink } from '../content/given-metalink.ts';
import { MAX_METALINK_BYTES, METALINK_TYPE } from '../content/metalink.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { FetchDeps } from './deps.ts';
import type { FileTask } from './file-task.ts';
import { retryOrigin } from './retry-origin.ts';

/** A Metalink document that was given with a job: what it says about the file, or where to fetch it. */
export type GivenMetalink = { readonly content: DescribedContent } | { readonly url: string };

/**
 * What the Metalink document of the job says about the file at `url`, or null when none was given. One that is given by its
 * URL is fetched first: without it nothing of the file is.
 * @throws NearbitsError E_INVALID_ARGUMENT for a document that is of no use, E_VALIDATION_FAILED when it contradicts the
 * digest of the job, E_ORIGIN_ codes, or the reason of the signal.
 */
export async function givenClaim(
  url: string,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Claim | null> {
  const { metalink, sha256 } = task.request;
  if (metalink === null) return null;
  const content = 'content' in metalink ? metalink.content : await fetched(url, metalink.url, task, deps, signal);
  refuseOtherDigest(content.sha256, sha256);
  const place = 'url' in metalink ? metalink.url : null;
  return { anchor: { kind: 'job-metalink', url: place }, ...content };
}

/** @throws NearbitsError E_VALIDATION_FAILED when a document and the digest beside it speak of different content. */
export function refuseOtherDigest(inDocument: Uint8Array | null, asked: string | null): void {
  if (inDocument === null || asked === null) return;
  const named = Buffer.from(inDocument).toString('hex');
  if (named === asked) return;
  throw new NearbitsError('E_VALIDATION_FAILED', 'the Metalink document names another SHA-256 than was asked for', {
    details: { asked, named },
    hint: 'Give only the one that is right.',
  });
}

async function fetched(
  url: string,
  place: string,
  { note }: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<DescribedContent> {
  const options = { type: METALINK_TYPE, maxBytes: MAX_METALINK_BYTES, signal };
  const bytes = await retryOrigin(
    () => deps.origin.fetchGivenDocument(url, place, options),
    ({ code, message }) => note('DESCRIPTOR_FAILED', message, { code }),
    deps,
    signal,
  );
  try {
    return readGivenMetalink(bytes, [url]);
  } catch (error) {
    const { code, message, hint } = toNearbitsError(error);
    const which = printAnchor({ kind: 'job-metalink', url: place });
    throw new NearbitsError(code, `${which}: ${message}`, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}
