import { z } from 'zod';
import { type ByteRange, MAX_RANGES } from '../core/byte-range.ts';
import { NearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { RecordId } from '../core/ids.ts';
import { cutIntoPieces, HASH_BYTES, MAX_PIECES, type Piece } from '../core/pieces.ts';
import { RangeSet } from '../core/range-set.ts';
import { MAX_URL_LENGTH } from '../core/url.ts';

/**
 * Whether the application accepted the content (BITS: SetValidationState): not asked yet,
 * accepted, or refused. Only valid records are found by others.
 */
export type RecordState = 'unknown' | 'valid' | 'invalid';

/** Content of one version of one file, or of some ranges of it. */
export interface CacheRecord {
  readonly id: RecordId;
  readonly url: string;
  readonly version: FileVersion;
  /** What is held; the whole file or parts of it. */
  readonly ranges: RangeSet;
  /** Grid on which the held ranges are cut into pieces, in bytes. */
  readonly pieceSize: number;
  readonly state: RecordState;
  /** SHA-256 of the whole file in lower-case hex, null when nobody computed it. */
  readonly sha256: string | null;
  readonly createdMs: number;
  readonly lastAccessMs: number;
  /** Bytes held. */
  readonly bytes: number;
}

/** Content that is handed to the cache. */
export interface NewContent {
  readonly url: string;
  readonly version: FileVersion;
  readonly pieceSize: number;
  /** The held ranges cut at multiples of the piece size, in order, each with its hash. */
  readonly pieces: readonly Piece[];
  /** SHA-256 of the whole file in hex, or null. */
  readonly sha256: string | null;
  readonly state: 'unknown' | 'valid';
  readonly source: ContentSource;
}

/** A local file with the content. */
export interface ContentSource {
  readonly path: string;
  /** The ranges of the origin file in the order in which they lie in the local one, back to back. */
  readonly ranges: readonly ByteRange[];
}

const OFFSET = z.int().min(0);

/** A record as it lies in the index; its id is the key, the time of the last access lies in a table of its own. */
export const StoredRecord = z.strictObject({
  url: z.string().max(MAX_URL_LENGTH),
  version: z.strictObject({ size: OFFSET, lastModifiedMs: z.number().nullable(), etag: z.string().nullable() }),
  /** Start and end of each range held, sorted. */
  ranges: z.array(z.tuple([OFFSET, OFFSET])).max(MAX_RANGES),
  pieceSize: z.int().min(1),
  state: z.enum(['unknown', 'valid', 'invalid']),
  sha256: z.string().nullable(),
  createdMs: z.number(),
});
export type StoredRecord = z.output<typeof StoredRecord>;

/** The record as others see it. */
export function toRecord(id: RecordId, stored: StoredRecord, lastAccessMs: number): CacheRecord {
  const ranges = RangeSet.of(...stored.ranges.map(([start, end]) => ({ start, end })));
  const { url, version, pieceSize, state, sha256, createdMs } = stored;
  return { id, url, version, ranges, pieceSize, state, sha256, createdMs, lastAccessMs, bytes: ranges.size };
}

/** Bytes that a stored record holds. */
export function storedBytes(stored: StoredRecord): number {
  return stored.ranges.reduce((sum, [start, end]) => sum + (end - start), 0);
}

/**
 * Checks that content, ranges and hashes belong together, before anything is copied.
 * @throws NearbitsError E_INVALID_ARGUMENT
 */
export function checkContent(content: NewContent): RangeSet {
  const { source, version, pieceSize, pieces } = content;
  const ranges = RangeSet.of(...source.ranges);
  const given = source.ranges.reduce((sum, range) => sum + (range.end - range.start), 0);
  check(ranges.size === given, 'its ranges overlap');
  check(ranges.ranges.length <= MAX_RANGES, `it has more than ${MAX_RANGES} ranges`);
  const end = ranges.ranges.at(-1)?.end ?? 0;
  check(end <= version.size && (end > 0 || version.size === 0), 'its ranges do not fit its size');
  check(Number.isSafeInteger(pieceSize) && pieceSize > 0, 'its piece size is not a positive number');
  check(version.size / pieceSize <= MAX_PIECES, `it has more than ${MAX_PIECES} pieces`);
  const cut = cutIntoPieces(ranges, pieceSize);
  check(
    cut.length === pieces.length && cut.every((range, index) => isPieceOf(pieces[index], range)),
    'its pieces are not its ranges cut at the piece size',
  );
  return ranges;
}

function isPieceOf(piece: Piece | undefined, range: ByteRange): boolean {
  return piece?.start === range.start && piece.end === range.end && piece.hash.byteLength === HASH_BYTES;
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new NearbitsError('E_INVALID_ARGUMENT', `the content cannot be cached: ${problem}`);
}

/** The record that new content becomes. */
export function toStored(content: NewContent, ranges: RangeSet, createdMs: number): StoredRecord {
  const { url, version, pieceSize, state, sha256 } = content;
  const pairs = ranges.ranges.map(({ start, end }): [number, number] => [start, end]);
  return { url, version, ranges: pairs, pieceSize, state, sha256, createdMs };
}

/** Joins the hashes of all pieces, 32 bytes each, in order. */
export function packHashes(pieces: readonly Piece[]): Uint8Array {
  return Buffer.concat(pieces.map((piece) => piece.hash));
}

/** The pieces of a record from its joined hashes, or null when their number is wrong. */
export function unpackPieces(ranges: RangeSet, pieceSize: number, hashes: Uint8Array): Piece[] | null {
  const cut = cutIntoPieces(ranges, pieceSize);
  if (cut.length * HASH_BYTES !== hashes.byteLength) return null;
  return cut.map((range, index) => ({
    ...range,
    hash: hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  }));
}
