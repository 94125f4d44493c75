import { createHash, hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { type ByteRange, intersectRanges, printRange, rangeLength } from '../core/byte-range.ts';
import { CHUNK_BYTES, sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError } from '../core/errors.ts';
import { FileChunks } from '../core/file-chunks.ts';
import type { Piece } from '../core/pieces.ts';
import type { ByteSink } from '../core/source.ts';
import type { ProvenPieces } from './proofs.ts';
import type { CacheRecord } from './record.ts';

/** What a reader works with. */
export interface ReaderDeps {
  readonly file: FileHandle;
  /** The pieces that need not be hashed again; the reader adds those that it found good. */
  readonly proven: ProvenPieces;
  /** Called once per damaged piece that was met, before the read fails. */
  readonly onDamage: (message: string) => void;
  /** Called when the reader is disposed and its file is closed. */
  readonly onClose: () => void;
}

/**
 * Reads the content of one record. As long as it is not disposed the record is
 * in use and its file stays, whatever happens to the record.
 */
export class CacheReader {
  readonly record: CacheRecord;
  /** The pieces of the record, in order. */
  readonly pieces: readonly Piece[];
  readonly #deps: ReaderDeps;
  readonly #chunks: FileChunks;
  #closing: Promise<void> | null = null;

  constructor(deps: ReaderDeps, options: { readonly record: CacheRecord; readonly pieces: readonly Piece[] }) {
    this.#deps = deps;
    this.#chunks = new FileChunks(deps.file, (offset) => this.#damaged(`its file ends at byte ${offset}`));
    this.record = options.record;
    this.pieces = options.pieces;
  }

  /**
   * Hands exactly the bytes of `range` to `sink`, in order and in chunks of at most 1 MiB.
   * Unless it is proven already, the piece that a chunk is part of is checked against its
   * hash before the chunk is handed out: pieces of up to 1 MiB in the very bytes that are
   * handed out, larger ones in a pass of their own. At most 2 MiB are held in memory.
   * Chunks of 1 MiB come from the shared pool and may be given back to it.
   * @throws NearbitsError E_INVALID_RANGE when the record does not hold the range, E_CACHE_DAMAGED
   * when a piece is not what it was; the record is removed then, and bytes handed out before are good.
   */
  async read(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    if (!this.record.ranges.covers(range)) {
      throw new NearbitsError('E_INVALID_RANGE', `the record does not hold the range ${printRange(range)}`);
    }
    const first = firstTouched(this.pieces, range);
    let next = this.#load(this.#pieceIn(range, first));
    for (let index = first; ; index++) {
      const piece = this.#pieceIn(range, index);
      if (piece === undefined) return;
      const chunk = await next;
      // The next piece comes from the disk while this one is hashed and taken.
      next = this.#load(this.#pieceIn(range, index + 1));
      signal.throwIfAborted();
      if (chunk === null) await this.#readLarge(index, range, sink, signal);
      else await this.#handOut(index, chunk, range, sink);
    }
  }

  /** Ends the use of the record. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#deps.file.close().finally(this.#deps.onClose);
    await this.#closing;
  }

  #pieceIn(range: ByteRange, index: number): Piece | undefined {
    const piece = this.pieces[index];
    return piece !== undefined && piece.start < range.end ? piece : undefined;
  }

  /** The bytes of a piece, unchecked; null when there is none or it is too large for one read. */
  #load(piece: Piece | undefined): Promise<Uint8Array | null> {
    if (piece === undefined || rangeLength(piece) > CHUNK_BYTES) return Promise.resolve(null);
    const loading = this.#chunks.read(piece);
    // It fails where it is awaited; a read that ends before that must not count as an unhandled failure.
    loading.catch(() => {});
    return loading;
  }

  async #handOut(index: number, chunk: Uint8Array, range: ByteRange, sink: ByteSink): Promise<void> {
    const piece = this.pieces[index] as Piece;
    if (!this.#deps.proven.has(index)) this.#compare(index, hash('sha256', chunk, 'buffer'));
    const part = intersectRanges(piece, range);
    if (part === null) return;
    const isAll = rangeLength(part) === chunk.byteLength;
    await sink(isAll ? chunk : chunk.subarray(part.start - piece.start, part.end - piece.start));
  }

  async #readLarge(index: number, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    if (!this.#deps.proven.has(index)) await this.#prove(index, signal);
    const part = intersectRanges(this.pieces[index] as Piece, range);
    if (part !== null) await this.#chunks.each(part, sink, signal);
  }

  async #prove(index: number, signal: AbortSignal): Promise<void> {
    const digest = createHash('sha256');
    const take = (chunk: Uint8Array): void => {
      digest.update(chunk);
      sharedChunks.giveBack(chunk);
    };
    await this.#chunks.each(this.pieces[index] as Piece, take, signal);
    this.#compare(index, digest.digest());
  }

  #compare(index: number, digest: Buffer): void {
    const piece = this.pieces[index] as Piece;
    if (!digest.equals(piece.hash)) throw this.#damaged(`the bytes ${printRange(piece)} do not match their hash`);
    this.#deps.proven.add(index);
  }

  #damaged(problem: string): NearbitsError {
    this.#deps.onDamage(problem);
    return damagedRecord(this.record.id, problem);
  }
}

/** The failure to read a record whose content is not what it was. */
export function damagedRecord(id: string, problem: string): NearbitsError {
  return new NearbitsError('E_CACHE_DAMAGED', `the cached content is damaged: ${problem}`, {
    details: { recordId: id },
    hint: 'The record is removed; fetching the file again repairs it.',
  });
}

// Pieces are sorted and a record may have thousands, of which a request touches one or two.
function firstTouched(pieces: readonly Piece[], range: ByteRange): number {
  if (range.start >= range.end) return pieces.length;
  let low = 0;
  for (let high = pieces.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle] as Piece).end <= range.start) low = middle + 1;
    else high = middle;
  }
  return low;
}
