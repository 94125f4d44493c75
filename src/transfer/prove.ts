import { createHash, type Hash } from 'node:crypto';
import type { ByteRange } from '../core/byte-range.ts';
import { RangeSet } from '../core/range-set.ts';
import type { JournalLine } from './journal-format.ts';
import type { PartBytes } from './part-bytes.ts';
import type { PieceBook } from './piece-book.ts';

/**
 * Enters into `book` what of the journal is still true of the bytes on disk:
 *
 * 1. A line counts only if it begins where a piece of the grid begins and ends in that piece.
 * 2. Each piece is read once, up to its longest line, and hashed anew.
 * 3. The longest line whose hash is right counts: as a proven piece when it is whole, else as a head.
 *
 * What no line proves is missing again.
 * @throws the reason of `signal` when it aborts.
 */
export async function proveLines(
  lines: readonly JournalLine[],
  book: PieceBook,
  bytes: PartBytes,
  signal: AbortSignal | undefined,
): Promise<void> {
  const good: ByteRange[] = [];
  for (const [piece, claims] of byPiece(lines, book)) {
    const longest = await longestTrue(piece, claims, bytes, signal);
    if (longest === null) continue;
    const { offset, hash } = longest;
    if (offset < piece.end) book.keepHead({ start: piece.start, offset, hash });
    else {
      book.remember({ ...piece, hash: hash.digest() });
      good.push(piece);
    }
  }
  book.prove(RangeSet.of(...good));
}

/** Hashes that a journal names, by the offset up to which they were taken; ascending. Two lines may contradict each other. */
type Claims = ReadonlyMap<number, readonly Uint8Array[]>;

function byPiece(lines: readonly JournalLine[], book: PieceBook): Map<ByteRange, Claims> {
  const found = new Map<ByteRange, Map<number, Uint8Array[]>>();
  for (const { start, end, hash } of [...lines].sort((a, b) => a.end - b.end)) {
    const piece = book.pieceAt(start);
    if (piece === null || end <= start || end > piece.end) continue;
    const claims = found.get(piece) ?? new Map<number, Uint8Array[]>();
    found.set(piece, claims);
    claims.set(end, [...(claims.get(end) ?? []), hash]);
  }
  return found;
}

async function longestTrue(
  piece: ByteRange,
  claims: Claims,
  bytes: PartBytes,
  signal: AbortSignal | undefined,
): Promise<{ readonly offset: number; readonly hash: Hash } | null> {
  const hash = createHash('sha256');
  let longest: { offset: number; hash: Hash } | null = null;
  let from = piece.start;
  for (const [offset, hashes] of claims) {
    if (!(await bytes.read({ start: from, end: offset }, (block) => hash.update(block), signal))) break;
    from = offset;
    const digest = hash.copy().digest();
    if (hashes.some((claimed) => digest.equals(claimed))) longest = { offset, hash: hash.copy() };
  }
  return longest;
}
