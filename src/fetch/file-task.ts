import type { RequestedRange } from '../core/byte-range.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { RangeSet } from '../core/range-set.ts';
import type { OriginFile } from '../origin/origin-file.ts';
import type { PartFile } from '../transfer/part-file.ts';
import type { Note } from '../transfer/trace.ts';
import type { Focus, ReceivedBytes } from '../transfer/transfer.ts';
import type { GivenMetalink } from './given-claim.ts';

/** What is wanted of one file. */
export interface FileRequest {
  readonly url: string;
  /** The URL under which the part file was begun; it goes on under another one while the version is the same. */
  readonly partUrl: string;
  /** Absolute path under which the file will be handed over; its part file lies beside it. */
  readonly destination: string;
  /** Ranges in the order of writing, or null for the whole file. */
  readonly ranges: readonly RequestedRange[] | null;
  /** SHA-256 in hex that the bytes written must have, or null. */
  readonly sha256: string | null;
  /** The Metalink document that was given for the file, or null; only with whole files. */
  readonly metalink: GivenMetalink | null;
  readonly overwrite: boolean;
  /** Whether neighbours may be asked. */
  readonly usePeers: boolean;
  /** Whether neighbours may have the content. */
  readonly mayShare: boolean;
  /** Whether the file is handed over and shared as soon as it is complete, without a word of its owner or another file. */
  readonly completesItself: boolean;
  /** Neighbours gave wrong content before: only the origin counts. */
  readonly originOnly: boolean;
  readonly priority: 'foreground' | 'background';
  /** How the bytes are asked for: in ranges where that is possible, or in one request from the start. */
  readonly manner: 'ranges' | 'one-go';
  /** Written straight to the destination, without a part file (BITS: HIGH_PERFORMANCE). */
  readonly direct: boolean;
  /** Only ranges that are asked for are fetched, so that the origin must serve ranges. */
  readonly onDemand: boolean;
}

/** A transfer that runs, as the one who ordered it can steer it. */
export interface Steering {
  /** Which bytes come first, or at all. */
  focus(focus: Focus): void;
  readonly part: PartFile;
}

/** One file that is to be fetched, and the one who hears how it goes. What the callbacks throw ends the fetching. */
export interface FileTask {
  readonly request: FileRequest;
  /** Adds a decision or a fact to the trace. */
  readonly note: Note;
  /** The origin answered. */
  originKnown(file: OriginFile): void;
  /** The origin, or a neighbour in its place, named the version; both null while the size is unknown. */
  versionKnown(version: FileVersion | null, bytesTotal: number | null): void;
  /** Bytes came in; called for every chunk. */
  progress(received: ReceivedBytes, bytesDone: number): void;
  /** Bytes were proven and survive a crash of the process. */
  proven(ranges: RangeSet): void;
  /** A transfer began, which can be steered until the returned function is called. */
  steer(steering: Steering): () => void;
}
