import * as z from 'zod';
import type { ByteRange } from '../core/byte-range.ts';
import type { SealMark } from '../core/file-identity.ts';
import { type FileVersion, sameVersion } from '../core/file-version.ts';

/** What a part file is part of; a journal with another header belongs to another download. */
export interface JournalHeader {
  readonly url: string;
  readonly version: FileVersion;
  readonly ranges: readonly ByteRange[];
  readonly pieceSize: number;
}

/** Bytes that were written, with the SHA-256 they had: a whole piece, or one from its beginning up to somewhere in it. */
export interface JournalLine extends ByteRange {
  readonly hash: Uint8Array;
}

const FORMAT = 1;
const NUMBER_DIGITS = 16;
/** Every line about bytes is as long as this, its end included, so that a newer one fits in the place of an older one. */
export const LINE_BYTES: number = 2 * (NUMBER_DIGITS + 1) + 64 + 1;
/** At most two lines for each of 8,692 pieces, and the header, stay far below this. */
export const MAX_JOURNAL_BYTES: number = 4 * 1024 * 1024;
const BYTES_LINE = /^(\d{1,16}) (\d{1,16}) ([0-9a-f]{64})$/;
const SEAL_LINE = /^sealed (\d{1,20}) (\d{1,16}) (-?\d{1,20})$/;

const headerSchema = z.strictObject({
  format: z.literal(FORMAT),
  url: z.string(),
  version: z.strictObject({
    size: z.int().min(0),
    lastModifiedMs: z.number().nullable(),
    etag: z.string().nullable(),
  }),
  ranges: z.array(z.strictObject({ start: z.int(), end: z.int() })),
  pieceSize: z.int(),
});

/** The first line of a journal, without its end. */
export function printHeader(header: JournalHeader): string {
  const { url, version, ranges, pieceSize } = header;
  return JSON.stringify({ format: FORMAT, url, version, ranges, pieceSize });
}

/** A line about bytes, its end included: {@link LINE_BYTES} characters. */
export function printLine({ start, end, hash }: JournalLine): string {
  const digits = [start, end].map((offset) => String(offset).padStart(NUMBER_DIGITS, '0'));
  return `${digits.join(' ')} ${Buffer.from(hash).toString('hex')}\n`;
}

/** The line that says which file on disk is complete, its end included. */
export function printSeal({ ino, size, mtimeNs }: SealMark): string {
  return `sealed ${ino} ${size} ${mtimeNs}\n`;
}

/** A line about bytes without its end; null for anything else, such as a torn or an edited line. */
export function parseLine(line: string): JournalLine | null {
  const match = BYTES_LINE.exec(line);
  if (match === null) return null;
  return { start: Number(match[1]), end: Number(match[2]), hash: Buffer.from(match[3] as string, 'hex') };
}

/** The opposite of {@link printSeal}; null for any other line. */
export function parseSeal(line: string): SealMark | null {
  const match = SEAL_LINE.exec(line);
  if (match === null) return null;
  const [ino, size, mtimeNs] = match.slice(1).map(BigInt) as [bigint, bigint, bigint];
  return { ino, size, mtimeNs };
}

/** Why a journal with this first line is not one of `expected`, or null when it is. */
export function mismatch(line: string, expected: JournalHeader): string | null {
  const header = parseHeader(line);
  if (header === null) return 'its journal is damaged';
  if (header.url !== expected.url) return 'it belongs to another URL';
  if (!sameVersion(header.version, expected.version)) return 'the file at the origin has changed since';
  if (header.pieceSize !== expected.pieceSize) return 'it was cut into pieces of another size';
  if (JSON.stringify(header.ranges) !== JSON.stringify(expected.ranges)) return 'it holds other ranges';
  return null;
}

function parseHeader(line: string): JournalHeader | null {
  try {
    return headerSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null; // Not JSON: the journal is damaged, which the caller reports.
  }
}
