import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import * as z from 'zod';
import type { ByteRange } from '../core/byte-range.ts';
import { systemErrorCode } from '../core/errors.ts';
import { type FileVersion, sameVersion } from '../core/file-version.ts';

/** What a part file is part of; a journal with another header belongs to another download. */
export interface JournalHeader {
  readonly url: string;
  readonly version: FileVersion;
  readonly ranges: readonly ByteRange[];
  readonly pieceSize: number;
}

/** A piece that was completely written, with the SHA-256 its bytes had. */
export interface JournalPiece extends ByteRange {
  readonly hash: Uint8Array;
}

const FORMAT = 1;
/** 8192 pieces plus 500 range ends, about 110 bytes each, and the header stay far below this. */
const MAX_JOURNAL_BYTES = 4 * 1024 * 1024;
const PIECE_LINE = /^(\d{1,16}) (\d{1,16}) ([0-9a-f]{64})$/;

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

/**
 * Remembers beside a part file which pieces are written and what they hashed to.
 * Nothing in it is believed: on resume each piece is hashed again, so that no
 * fsync is needed while bytes arrive and a torn last line does no harm.
 */
export class PartJournal {
  readonly #file: FileHandle;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Starts a new journal, replacing what is there. */
  static async create(path: string, header: JournalHeader): Promise<PartJournal> {
    const file = await open(path, 'w', 0o600);
    await file.write(`${JSON.stringify({ format: FORMAT, ...header })}\n`);
    return new PartJournal(file);
  }

  /** Opens an existing journal to add to it. */
  static async append(path: string): Promise<PartJournal> {
    const file = await open(path, 'a', 0o600);
    // A torn line of the process that died must not swallow the first line of this one.
    await file.write('\n');
    return new PartJournal(file);
  }

  /** Adds a piece; call only after its bytes are written. */
  async add(piece: JournalPiece): Promise<void> {
    const line = `${piece.start} ${piece.end} ${Buffer.from(piece.hash).toString('hex')}\n`;
    const written = this.#tail.then(() => this.#file.write(line));
    this.#tail = written.catch(() => undefined);
    await written;
  }

  /** Waits for what was added and closes the file. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }
}

/** What {@link readJournal} found. */
export type JournalContent =
  | { readonly found: 'nothing' }
  | { readonly found: 'other'; readonly reason: string }
  | { readonly found: 'pieces'; readonly pieces: readonly JournalPiece[] };

/** Reads a journal and says whether it belongs to `expected`; damaged lines are left out. */
export async function readJournal(path: string, expected: JournalHeader): Promise<JournalContent> {
  const text = await readBounded(path);
  if (text === null) return { found: 'nothing' };
  const [first = '', ...lines] = text.split('\n');
  const reason = mismatch(first, expected);
  if (reason !== null) return { found: 'other', reason };
  const pieces = lines.flatMap((line) => parsePiece(line) ?? []);
  return { found: 'pieces', pieces };
}

async function readBounded(path: string): Promise<string | null> {
  try {
    if ((await stat(path)).size > MAX_JOURNAL_BYTES) return '';
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function mismatch(line: string, expected: JournalHeader): string | null {
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

function parsePiece(line: string): JournalPiece | null {
  const match = PIECE_LINE.exec(line);
  if (match === null) return null;
  return { start: Number(match[1]), end: Number(match[2]), hash: Buffer.from(match[3] as string, 'hex') };
}
