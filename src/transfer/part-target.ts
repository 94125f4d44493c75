import type { ByteRange } from '../core/byte-range.ts';
import { type FileVersion, sameVersion } from '../core/file-version.ts';
import { pieceSizeFor } from '../core/pieces.ts';
import type { JournalHeader } from './journal-format.ts';

/** What is fetched and where it goes. */
export interface PartTarget {
  /** Absolute path of the finished file. */
  readonly destination: string;
  readonly url: string;
  readonly version: FileVersion;
  /** Wanted ranges in the order of writing; the whole file is one range. */
  readonly ranges: readonly ByteRange[];
}

/** What the journal of this target begins with. */
export function headerOf({ url, version, ranges }: PartTarget): JournalHeader {
  return { url, version, ranges, pieceSize: pieceSizeFor(version.size) };
}

/** Whether both name the same bytes at the same place. */
export function sameTarget(a: PartTarget, b: PartTarget): boolean {
  return (
    a.destination === b.destination &&
    a.url === b.url &&
    sameVersion(a.version, b.version) &&
    JSON.stringify(a.ranges) === JSON.stringify(b.ranges)
  );
}
