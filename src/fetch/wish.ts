import type { Descriptor } from '../content/descriptor.ts';
import type { ByteRange } from '../core/byte-range.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { OriginFile } from '../origin/origin-file.ts';

/** One version of one file, wanted at one place. */
export interface Wish {
  readonly url: string;
  readonly version: FileVersion;
  /** In the order of writing. */
  readonly ranges: readonly ByteRange[];
  /** The origin's file; null while the origin cannot be reached. */
  readonly file: OriginFile | null;
  /** What the whole file must be, by whoever vouches for it; null when nobody does, or when only ranges are wanted. */
  readonly descriptor: Descriptor | null;
  /** Neighbours are not asked: they gave wrong content before, or the caller does not want them. */
  readonly originOnly: boolean;
}
