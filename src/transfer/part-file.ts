import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, rename, rm, utimes } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import { toNearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import { cutIntoPieces, type Piece, pieceSizeFor } from '../core/pieces.ts';
import { RangeSet } from '../core/range-set.ts';
import { locate, type Placement, placeRanges } from './layout.ts';
import { type JournalPiece, PartJournal, readJournal } from './part-journal.ts';
import { WriteQueue } from './write-queue.ts';

/** Beside the destination while a file is incomplete. */
export const PART_SUFFIX = '.nbpart';
const JOURNAL_SUFFIX = '.nbpart.log';
const READ_BYTES = 1024 * 1024;

/** What is fetched and where it goes. */
export interface PartTarget {
  /** Absolute path of the finished file. */
  readonly destination: string;
  readonly url: string;
  readonly version: FileVersion;
  /** Wanted ranges in the order of writing; the whole file is one range. */
  readonly ranges: readonly ByteRange[];
}

/**
 * The incomplete file beside its destination. Knows which bytes are written and
 * proven; decides nothing about where bytes come from.
 */
export class PartFile {
  readonly target: PartTarget;
  readonly pieceSize: number;
  /** All bytes that are wanted. */
  readonly wanted: RangeSet;
  /** Why an older part file was not continued, or null. */
  readonly dropped: string | null;
  readonly #grid: readonly ByteRange[];
  readonly #placements: readonly Placement[];
  readonly #hashes = new Map<number, Uint8Array>();
  readonly #file: FileHandle;
  readonly #queue: WriteQueue;
  readonly #journal: PartJournal;
  #proven = RangeSet.empty;
  #closed = false;

  private constructor(target: PartTarget, dropped: string | null, file: FileHandle, journal: PartJournal) {
    this.target = target;
    this.dropped = dropped;
    this.pieceSize = pieceSizeFor(target.version.size);
    this.wanted = RangeSet.of(...target.ranges);
    this.#grid = cutIntoPieces(this.wanted, this.pieceSize);
    this.#placements = placeRanges(target.ranges);
    this.#file = file;
    this.#queue = new WriteQueue(file);
    this.#journal = journal;
  }

  /**
   * Opens the part file, continuing an older one of the same version after hashing its pieces again.
   * @throws NearbitsError E_IO or E_DISK_FULL when the files cannot be opened.
   */
  static async open(target: PartTarget): Promise<PartFile> {
    const path = target.destination + PART_SUFFIX;
    const header = { ...headerOf(target), pieceSize: pieceSizeFor(target.version.size) };
    try {
      const old = await readJournal(target.destination + JOURNAL_SUFFIX, header);
      const resume = old.found === 'pieces';
      const journalPath = target.destination + JOURNAL_SUFFIX;
      const journal = await (resume ? PartJournal.append(journalPath) : PartJournal.create(journalPath, header));
      const file = await openPart(path, !resume);
      const part = new PartFile(target, old.found === 'other' ? old.reason : null, file, journal);
      if (resume) await part.#prove(old.pieces);
      return part;
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
  }

  /** Removes what an earlier, unfinished transfer left beside `destination`. */
  static async remove(destination: string): Promise<void> {
    await rm(destination + PART_SUFFIX, { force: true });
    await rm(destination + JOURNAL_SUFFIX, { force: true });
  }

  /** Where the incomplete file lies. */
  get path(): string {
    return this.target.destination + PART_SUFFIX;
  }

  /** Bytes that are written and whose piece is complete. */
  get proven(): RangeSet {
    return this.#proven;
  }

  get missing(): RangeSet {
    return this.wanted.subtract(this.#proven);
  }

  get isComplete(): boolean {
    return this.#proven.size === this.wanted.size;
  }

  /** The wanted ranges cut at the piece grid: what this node will share. */
  get grid(): readonly ByteRange[] {
    return this.#grid;
  }

  /** Undefined while the disk keeps up, else a promise to wait for before more is written. */
  room(): Promise<void> | undefined {
    return this.#queue.room();
  }

  /** Writes those bytes of `chunks`, which start at origin offset `start`, that are wanted. */
  async write(chunks: Uint8Array[], start: number): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    const parts = locate(this.#placements, { start, end: start + length });
    const only = parts[0];
    if (parts.length === 1 && only !== undefined && rangeLength(only.range) === length) {
      return this.#queue.write(chunks, only.position);
    }
    const bytes = Buffer.concat(chunks);
    for (const part of parts) {
      await this.#queue.write([bytes.subarray(part.range.start - start, part.range.end - start)], part.position);
    }
  }

  /** Marks written bytes as proven; `hash` is that of exactly this range. */
  async commit(range: ByteRange, hash: Uint8Array): Promise<void> {
    const wanted = RangeSet.of(range).intersect(this.wanted);
    this.#proven = this.#proven.union(wanted);
    for (const piece of this.#gridWithin(wanted)) {
      const same = piece.start === range.start && piece.end === range.end;
      await this.#remember({ ...piece, hash: same ? hash : await this.#hashOf(piece) });
    }
  }

  /** All pieces with their hashes; complete only when the file is. */
  pieces(): Piece[] {
    return this.#grid.flatMap((piece) => {
      const hash = this.#hashes.get(piece.start);
      return hash === undefined ? [] : [{ ...piece, hash }];
    });
  }

  /** SHA-256 of the local file as it will be handed over, in hex. */
  async digest(signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    await this.#read(0, this.wanted.size, (bytes) => {
      signal.throwIfAborted();
      hash.update(bytes);
    });
    return hash.digest('hex');
  }

  /** Moves the complete file to its destination in one step, dated as at the origin. */
  async finish(): Promise<void> {
    const { destination, version } = this.target;
    await this.close();
    if (version.lastModifiedMs !== null) {
      const date = new Date(version.lastModifiedMs);
      await utimes(this.path, date, date);
    }
    await rename(this.path, destination);
    await rm(destination + JOURNAL_SUFFIX, { force: true });
  }

  /** Closes the files and keeps them for a later start. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#journal.close();
    await this.#file.close();
  }

  /** Closes and removes everything; nothing was handed over. */
  async discard(): Promise<void> {
    await this.close();
    await PartFile.remove(this.target.destination);
  }

  // 1. A journaled piece counts only if it lies on the grid and its bytes still hash to what was written.
  // 2. Others are missing again.
  async #prove(pieces: readonly JournalPiece[]): Promise<void> {
    const grid = new Map(this.#grid.map((piece) => [piece.start, piece]));
    const good: ByteRange[] = [];
    for (const piece of pieces) {
      if (grid.get(piece.start)?.end !== piece.end) continue;
      if (!Buffer.from(await this.#hashOf(piece)).equals(piece.hash)) continue;
      this.#hashes.set(piece.start, piece.hash);
      good.push(piece);
    }
    this.#proven = RangeSet.of(...good);
  }

  #gridWithin(range: RangeSet): ByteRange[] {
    const first = range.ranges[0];
    const last = range.ranges.at(-1);
    if (first === undefined || last === undefined) return [];
    return this.#gridBetween(first.start, last.end).filter(
      (piece) => !this.#hashes.has(piece.start) && this.#proven.covers(piece),
    );
  }

  #gridBetween(start: number, end: number): ByteRange[] {
    const found: ByteRange[] = [];
    for (let index = this.#firstAt(start); index < this.#grid.length; index++) {
      const piece = this.#grid[index] as ByteRange;
      if (piece.start >= end) break;
      found.push(piece);
    }
    return found;
  }

  // Binary search: a file has up to 8,692 pieces and each is committed once.
  #firstAt(offset: number): number {
    let low = 0;
    let high = this.#grid.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#grid[middle] as ByteRange).end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #remember(piece: Piece): Promise<void> {
    this.#hashes.set(piece.start, piece.hash);
    await this.#journal.add(piece);
  }

  async #hashOf(range: ByteRange): Promise<Uint8Array> {
    const hash = createHash('sha256');
    for (const part of locate(this.#placements, range)) {
      await this.#read(part.position, rangeLength(part.range), (bytes) => hash.update(bytes));
    }
    return hash.digest();
  }

  async #read(position: number, length: number, take: (bytes: Uint8Array) => void): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, length));
    for (let done = 0; done < length; ) {
      const want = Math.min(buffer.byteLength, length - done);
      const { bytesRead } = await this.#file.read(buffer, 0, want, position + done);
      if (bytesRead === 0) return; // Shorter than it should be: the hash will not match.
      take(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  }
}

function headerOf(target: PartTarget): Omit<Parameters<typeof PartJournal.create>[1], 'pieceSize'> {
  return { url: target.url, version: target.version, ranges: target.ranges };
}

/** Opens the file that grows, empty when `fresh`; never follows a link that somebody put in its place. */
export async function openPart(path: string, fresh: boolean): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (fresh ? constants.O_TRUNC : 0);
  return open(path, flags, 0o666);
}
