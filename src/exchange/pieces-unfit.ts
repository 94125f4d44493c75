import { NearbitsError } from '../core/errors.ts';

/** Where bytes were found that do not fit: the origin sent them twice, or they lie here since an earlier run. */
export type UnfitBytes = 'at-origin' | 'here';

/** What somebody names as the pieces of a file is not what the file consists of; with the digest of the whole it can still be fetched. */
export class PiecesUnfit extends NearbitsError {
  readonly found: UnfitBytes;

  /** `what` says which bytes do not fit. */
  constructor(found: UnfitBytes, what: string) {
    super('E_VALIDATION_FAILED', `the file does not consist of the pieces that describe it: ${what}`, {
      hint: 'The file or the Metalink document at the origin is wrong or outdated: tell whoever runs it.',
    });
    this.found = found;
  }
}
