import type { BigIntStats } from 'node:fs';
import { lstat, rename, rm } from 'node:fs/promises';
import { NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import { bearsMark, type SealMark } from '../core/file-identity.ts';
import type { Piece } from '../core/pieces.ts';
import { RangeSet } from '../core/range-set.ts';
import { journalPath, partPath } from './part-paths.ts';
import { headerOf, type PartTarget } from './part-target.ts';
import { PieceBook } from './piece-book.ts';
import { type PlacedLine, readJournal, readSeal } from './read-journal.ts';

/** How handing over ended: the file was moved, or an earlier call had moved it and was cut off before its end. */
export type HandOver = 'moved' | 'already';

/** The pieces of a complete file, to be shared. */
export interface SealedPart {
  readonly pieces: readonly Piece[];
  readonly pieceSize: number;
}

/**
 * Moves a complete part file to its destination in one step, replacing what is there. Its journal is removed only when
 * `noted` resolves: until the caller remembers that the file was moved, the journal is what tells so. May be called again
 * after a crash at any point before that. A part file without a journal (of unknown size) is moved as it is,
 * and cannot be recognised at its destination afterwards.
 * @throws NearbitsError E_VALIDATION_FAILED when the part file is not sealed or was changed since, E_NOT_FOUND when there is
 * none and none was moved, E_IO when the file system refuses. Nothing is touched then.
 */
export async function handOver(
  destination: string,
  noted: () => Promise<void> = () => Promise.resolve(),
): Promise<HandOver> {
  try {
    const part = await look(partPath(destination));
    const { journal, seal } = await readSeal(journalPath(destination));
    if (part === null) return await recognise(destination, seal, noted);
    if (journal && (seal === null || !bearsMark(part, seal))) throw changed(partPath(destination));
    await rename(partPath(destination), destination);
    await noted();
    await removeQuietly(journalPath(destination));
    return 'moved';
  } catch (error) {
    throw toNearbitsError(error, 'E_IO');
  }
}

/**
 * The pieces of a sealed file as its journal names them, without reading the file; null when it is not sealed, was
 * changed since, or is not the one of `target`. The file may have been handed over, as long as its journal is there.
 * @throws NearbitsError E_IO when the file system refuses.
 */
export async function readSealed(target: PartTarget): Promise<SealedPart | null> {
  const { destination } = target;
  try {
    const journal = await readJournal(journalPath(destination), headerOf(target));
    if (journal.found !== 'lines' || journal.seal === null) return null;
    const file = (await look(partPath(destination))) ?? (await look(destination));
    return bearsMark(file, journal.seal) ? allPieces(target, journal.lines) : null;
  } catch (error) {
    throw toNearbitsError(error, 'E_IO');
  }
}

/**
 * The pieces that the journal names as complete, without reading the part file: what a paused file shows to people and
 * programs. Empty when there is no journal of `target`. Nothing may be built on it; see {@link readSealed}.
 * @throws NearbitsError E_IO when the file system refuses.
 */
export async function readJournaled(target: PartTarget): Promise<RangeSet> {
  try {
    const journal = await readJournal(journalPath(target.destination), headerOf(target));
    return journal.found === 'lines' ? RangeSet.of(...wholePieces(bookOf(target), journal.lines)) : RangeSet.empty;
  } catch (error) {
    throw toNearbitsError(error, 'E_IO');
  }
}

/**
 * Removes what a transfer left that is not wanted any more: the part file and its journal, or with `direct` the
 * unfinished file at the destination itself. Says whether something is left that could not be deleted.
 */
export async function removePart(destination: string, direct: boolean): Promise<boolean> {
  if (direct) return !(await removeQuietly(destination));
  const removed = [await removeQuietly(partPath(destination)), await removeQuietly(journalPath(destination))];
  return removed.includes(false);
}

async function recognise(destination: string, seal: SealMark | null, noted: () => Promise<void>): Promise<HandOver> {
  if (seal === null || !bearsMark(await look(destination), seal)) throw missing(partPath(destination));
  await noted();
  await removeQuietly(journalPath(destination));
  return 'already';
}

function changed(path: string): NearbitsError {
  return new NearbitsError('E_VALIDATION_FAILED', `${path} is not as it was when it was complete`, {
    hint: 'Resume the job: what is still right of the file is kept, and the rest is fetched again.',
  });
}

function missing(path: string): NearbitsError {
  return new NearbitsError('E_NOT_FOUND', `${path} is not there any more`, {
    hint: 'Resume the job to fetch the file again.',
  });
}

function allPieces(target: PartTarget, lines: readonly PlacedLine[]): SealedPart | null {
  const book = bookOf(target);
  for (const piece of wholePieces(book, lines)) {
    // Two lines that contradict each other: only hashing can tell which one is right.
    if (contradicts(book, piece)) return null;
    book.remember(piece);
  }
  const pieces = book.pieces();
  return pieces.length === book.grid.length ? { pieces, pieceSize: book.pieceSize } : null;
}

function bookOf(target: PartTarget): PieceBook {
  return new PieceBook(RangeSet.of(...target.ranges), headerOf(target).pieceSize);
}

function wholePieces(book: PieceBook, lines: readonly PlacedLine[]): PlacedLine[] {
  return lines.filter(({ start, end }) => book.pieceAt(start)?.end === end);
}

function contradicts(book: PieceBook, { start, hash }: Piece): boolean {
  const known = book.hashAt(start);
  return known !== null && !Buffer.from(known).equals(hash);
}

async function look(path: string): Promise<BigIntStats | null> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

// A journal that cannot be removed does no harm: without its part file nothing in it counts.
async function removeQuietly(path: string): Promise<boolean> {
  return rm(path, { force: true }).then(
    () => true,
    () => false,
  );
}
