import { type DescribedContent, readGivenMetalink } from '../../content/given-metalink.ts';
import { NearbitsError } from '../../core/errors.ts';
import { parseOriginUrl } from '../../core/url.ts';
import { refuseOtherDigest } from '../../fetch/given-claim.ts';
import type { JobFileRequest } from '../model/view.ts';
import type { FileRecord } from '../store/job-record.ts';

/** The Metalink document of a file as it is kept: what callers see of it, and what it says where its text was given. */
export interface CheckedMetalink {
  readonly shown: FileRecord['metalink'];
  readonly content: DescribedContent | null;
}

const NONE: CheckedMetalink = { shown: null, content: null };

/**
 * Checks the Metalink document of a file to add; one that is named by its URL is fetched when the file is.
 * @param remoteUrl the checked URL of the file.
 * @throws NearbitsError E_INVALIDARG for a document that cannot be read or does not describe the file, for one with ranges,
 * and for a URL that is none; E_VALIDATION_FAILED when it names another digest than the file has.
 */
export function checkMetalink({ metalink, ranges, sha256 }: JobFileRequest, remoteUrl: string): CheckedMetalink {
  if (metalink === undefined) return NONE;
  if (ranges !== undefined) {
    throw new NearbitsError('E_INVALIDARG', 'a Metalink document describes whole files, but ranges are asked for', {
      details: { argument: 'metalink' },
      hint: 'Leave out the document or the ranges; the digest of ranges can be given as sha256.',
    });
  }
  if ('url' in metalink) return { shown: { url: told(() => parseOriginUrl(metalink.url)) }, content: null };
  const content = told(() => readGivenMetalink(Buffer.from(metalink.document), [remoteUrl]));
  refuseOtherDigest(content.sha256, sha256 ?? null);
  return { shown: { url: null }, content };
}

// In the terms of the calls about jobs, and saying which argument is meant.
function told<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NearbitsError)) throw error;
    throw new NearbitsError('E_INVALIDARG', error.message, {
      cause: error,
      details: { argument: 'metalink' },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
