import type { FileVersion } from '../core/file-version.ts';
import type { ShareVerdict } from '../origin/share.ts';

/** A file whose bytes are all here, under its temporary name; enough to hand it over and to share it later. */
export interface Delivered {
  /** The URL that names the content. */
  readonly url: string;
  /** Null when the origin could not name a version. */
  readonly version: FileVersion | null;
  /** Origin's date, in ms since 1970, or null. */
  readonly lastModifiedMs: number | null;
  /** Bytes written. */
  readonly bytes: number;
  /** Digest of the bytes written, in hex; null unless it was computed. */
  readonly sha256: string | null;
  /** What the origin said about sharing. */
  readonly share: ShareVerdict;
}
