import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from '../core/byte-range.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import { identityOf, sameIdentity } from '../core/file-identity.ts';
import { type Piece, pieceSizeFor } from '../core/pieces.ts';
import { RangeSet } from '../core/range-set.ts';
import { type HandOver, handOver, readJournaled, readSealed, removePart, type SealedPart } from './hand-over.ts';
import { placeRanges } from './layout.ts';
import { PartBytes } from './part-bytes.ts';
import { PartJournal } from './part-journal.ts';
import { journalPath, openPart, partPath } from './part-paths.ts';
import { headerOf, type PartTarget, sameTarget } from './part-target.ts';
import { PieceBook, type SpanHead } from './piece-book.ts';
import { proveLines } from './prove.ts';
import { type JournalContent, readJournal } from './read-journal.ts';
import type { WarmPart } from './warm-parts.ts';

/** How a part file is opened. */
export interface PartOptions {
  /** What {@link PartFile.suspend} returned; it counts only while the file on disk is untouched. */
  readonly warm?: WarmPart | null;
  /**
   * Writes straight to the destination, without a journal: nothing outlives the process (BITS: HIGH_PERFORMANCE). What
   * lies at the destination is overwritten at once.
   */
  readonly direct?: boolean;
  /** Ends the hashing of older bytes. */
  readonly signal?: AbortSignal;
}

// The names are part of what callers of a part file need.

const NOTHING: JournalContent = { found: 'nothing' };

interface Parts {
  readonly target: PartTarget;
  readonly direct: boolean;
  readonly file: FileHandle;
  readonly journal: PartJournal | null;
  readonly old: JournalContent;
  /** The book of a warm file, or null to begin a new one. */
  readonly book: PieceBook | null;
}

/**
 * The incomplete file beside its destination. Knows which bytes are written and
 * proven; decides nothing about where bytes come from.
 */
export class PartFile {
  readonly target: PartTarget;
  /** Why an older part file was not continued, or null. */
  readonly dropped: string | null;
  readonly #direct: boolean;
  readonly #file: FileHandle;
  readonly #journal: PartJournal | null;
  readonly #book: PieceBook;
  readonly #bytes: PartBytes;
  #closed = false;

  private constructor(parts: Parts) {
    this.target = parts.target;
    this.dropped = parts.old.found === 'other' ? parts.old.reason : null;
    this.#direct = parts.direct;
    this.#file = parts.file;
    this.#journal = parts.journal;
    this.#book =
      parts.book ?? new PieceBook(RangeSet.of(...parts.target.ranges), pieceSizeFor(parts.target.version.size));
    this.#bytes = new PartBytes(parts.file, placeRanges(parts.target.ranges));
  }

  /**
   * Opens the part file, continuing an older one of the same version after hashing its bytes again; without hashing
   * when it is warm.
   * @throws NearbitsError E_IO or E_DISK_FULL when the files cannot be opened, E_CANCELLED when the signal aborts.
   */
  static async open(target: PartTarget, options: PartOptions = {}): Promise<PartFile> {
    await using opened = new AsyncDisposableStack();
    const { direct = false, signal } = options;
    try {
      signal?.throwIfAborted();
      const file = opened.use(await openPart(direct ? target.destination : partPath(target.destination), false));
      const old = direct ? NOTHING : await readJournal(journalPath(target.destination), headerOf(target));
      const book = await warmBook(file, old, target, options);
      if (book === null && old.found !== 'lines') await emptyFile(file);
      const journal = direct ? null : opened.adopt(await openJournal(target, old), (it) => it.close());
      const part = new PartFile({ target, direct, file, journal, old, book });
      if (book === null && old.found === 'lines') await proveLines(old.lines, part.#book, part.#bytes, signal);
      for (const { start } of part.#book.pieces()) journal?.finish(start);
      opened.move();
      return part;
    } catch (error) {
      throw toNearbitsError(error, signal?.aborted ? 'E_CANCELLED' : 'E_IO');
    }
  }

  /** See {@link removePart}: removes what an unfinished transfer left; says whether something could not be deleted. */
  static async remove(destination: string, options: { readonly direct?: boolean } = {}): Promise<boolean> {
    return removePart(destination, options.direct ?? false);
  }

  /** See {@link handOver}: moves a sealed file to its destination. A direct file lies there already. */
  static async handOver(destination: string, noted?: () => Promise<void>): Promise<HandOver> {
    return handOver(destination, noted);
  }

  /** See {@link readSealed}: the pieces of a sealed file, without hashing. */
  static async readSealed(target: PartTarget): Promise<SealedPart | null> {
    return readSealed(target);
  }

  /** See {@link readJournaled}: which bytes of a paused file are there, without hashing. */
  static async journaled(target: PartTarget): Promise<RangeSet> {
    return readJournaled(target);
  }

  /** Where the incomplete file lies. */
  get path(): string {
    const { destination } = this.target;
    return this.#direct ? destination : partPath(destination);
  }

  get pieceSize(): number {
    return this.#book.pieceSize;
  }

  /** All bytes that are wanted. */
  get wanted(): RangeSet {
    return this.#book.wanted;
  }

  /** Bytes that are written and whose hash is known to be right. */
  get proven(): RangeSet {
    return this.#book.proven;
  }

  /** Beginnings of unfinished pieces that the origin sent, by the start of the piece. */
  get heads(): ReadonlyMap<number, SpanHead> {
    return this.#book.heads;
  }

  /** Bytes that need not be fetched again as long as the origin is there: proven ones and heads. */
  get written(): RangeSet {
    return this.proven.union(headBytes(this.heads));
  }

  /** Bytes that are not proven. */
  get missing(): RangeSet {
    return this.wanted.subtract(this.proven);
  }

  get isComplete(): boolean {
    return this.proven.size === this.wanted.size;
  }

  /** The wanted ranges cut at the piece grid: what this node will share. */
  get grid(): readonly ByteRange[] {
    return this.#book.grid;
  }

  /** The wanted bytes among `ranges`, and those without which they cannot be proven: whole pieces of the grid. */
  widen(ranges: RangeSet): RangeSet {
    return this.#book.widen(ranges);
  }

  /** Undefined while the disk keeps up, else a promise to wait for before more is written. */
  room(): Promise<void> | undefined {
    return this.#bytes.room();
  }

  /**
   * Writes those bytes of `chunks`, which start at origin offset `start`, that are wanted. Proven bytes stay as they
   * are: what arrives may turn out wrong when its piece is complete.
   */
  async write(chunks: Uint8Array[], start: number): Promise<void> {
    await this.#bytes.write(chunks, start, this.proven);
  }

  /** Marks written bytes as proven; `hash` is that of exactly this range. */
  async commit(range: ByteRange, hash: Uint8Array): Promise<void> {
    const wanted = RangeSet.of(range).intersect(this.wanted);
    // Bytes that were proven before were not written again, so only the file itself tells the hash of the whole piece.
    const untouched = this.proven.intersect(wanted).isEmpty;
    this.#book.prove(wanted);
    for (const piece of this.#book.unhashed(wanted)) {
      const same = untouched && piece.start === range.start && piece.end === range.end;
      await this.#remember({ ...piece, hash: same ? hash : await this.#bytes.hashOf(piece) });
    }
  }

  /** Keeps the beginning of a piece from the origin, so that nothing of it is fetched twice; call only after its bytes are written. */
  async keepHead(head: SpanHead): Promise<void> {
    this.#book.keepHead(head);
    const { start, offset, hash } = head;
    await this.#journal?.add({ start, end: offset, hash: hash.copy().digest() });
  }

  /** Forgets the heads that have bytes in `range`; call before those are written anew. */
  forgetHeads(range: ByteRange): void {
    this.#book.forgetHeads(range);
  }

  /** All pieces with their hashes; complete only when the file is. */
  pieces(): Piece[] {
    return this.#book.pieces();
  }

  /** SHA-256 of proven bytes: the one that is known where `range` is a piece of the grid, else read from the file. */
  async hashOf(range: ByteRange, signal: AbortSignal): Promise<Uint8Array> {
    const isPiece = this.#book.pieceAt(range.start)?.end === range.end;
    const known = isPiece ? this.#book.hashAt(range.start) : null;
    return known ?? this.#bytes.hashOf(range, signal);
  }

  /** SHA-256 of the local file as it will be handed over, in hex. */
  async digest(signal: AbortSignal): Promise<string> {
    return this.#bytes.digest(this.wanted.size, signal);
  }

  /**
   * Dates the complete file as at the origin and closes it. Its journal stays, and names the file on disk, so that it
   * can be handed over and shared later, maybe after a restart, without hashing it again.
   * @throws NearbitsError E_INTERNAL when bytes are missing, E_IO or E_DISK_FULL.
   */
  async seal(): Promise<void> {
    if (!this.isComplete) throw new NearbitsError('E_INTERNAL', 'an incomplete file cannot be sealed');
    const { lastModifiedMs } = this.target.version;
    try {
      await this.#bytes.idle();
      const date = lastModifiedMs === null ? null : new Date(lastModifiedMs);
      if (date !== null) await this.#file.utimes(date, date);
      await this.#journal?.seal(await identityOf(this.#file));
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    } finally {
      await this.close();
    }
  }

  /** Closes the files and returns what need not be hashed again when they are opened the next time. */
  async suspend(): Promise<WarmPart> {
    try {
      await this.#bytes.idle();
      const identity = await identityOf(this.#file);
      await this.close();
      return { target: this.target, direct: this.#direct, identity, book: this.#book };
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
  }

  /** Closes the files and keeps them for a later start. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#bytes.idle();
    await this.#journal?.close();
    await this.#file.close();
  }

  /** Closes and removes everything; nothing was handed over. Says whether something could not be deleted. */
  async discard(): Promise<boolean> {
    await this.close();
    return removePart(this.target.destination, this.#direct);
  }

  async #remember(piece: Piece): Promise<void> {
    this.#book.remember(piece);
    await this.#journal?.add(piece);
    this.#journal?.finish(piece.start);
  }
}

/** The bytes that heads stand for. */
export function headBytes(heads: ReadonlyMap<number, SpanHead>): RangeSet {
  return RangeSet.of(...[...heads.values()].map(({ start, offset }) => ({ start, end: offset })));
}

// What was proven before the file was closed, if nothing happened to it since.
async function warmBook(
  file: FileHandle,
  old: JournalContent,
  target: PartTarget,
  { warm = null, direct = false }: PartOptions,
): Promise<PieceBook | null> {
  if (warm === null || warm.direct !== direct || !sameTarget(warm.target, target)) return null;
  if (!direct && old.found !== 'lines') return null;
  return sameIdentity(warm.identity, await identityOf(file)) ? warm.book : null;
}

// An empty file is not cut: ext4 takes any cut to nothing for the beginning of a replacement, and writes all of the file to
// the disk before the last close of it returns. For 1 GiB the user waited another 0.4 s for a file that was complete.
async function emptyFile(file: FileHandle): Promise<void> {
  if ((await file.stat()).size > 0) await file.truncate(0);
}

async function openJournal(target: PartTarget, old: JournalContent): Promise<PartJournal> {
  const path = journalPath(target.destination);
  return old.found === 'lines' ? PartJournal.append(path, old.lines) : PartJournal.create(path, headerOf(target));
}
