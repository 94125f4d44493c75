import { createHash, hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../../core/byte-range.ts';
import { CHUNK_BYTES, sharedChunks } from '../../core/chunk-pool.ts';
import { NearbitsError, toNearbitsError } from '../../core/errors.ts';
import { FileChunks } from '../../core/file-chunks.ts';
import type { ByteSink } from '../../core/source.ts';
import { type PieceRun, PieceSet } from '../../plan/swarm/piece-set.ts';
import { cutBatches, rangeOf } from './batches.ts';
import type { SharedPieces } from './shared-pieces.ts';

/** What is given of a file that is still being written. */
export interface PartPiecesOptions {
  readonly descriptorId: Uint8Array;
  /** Bytes of the whole file; its bytes lie in the part file where they lie in the file. */
  readonly size: number;
  readonly pieceSize: number;
  /** SHA-256 of each piece of the file, in order. */
  readonly hashes: readonly Uint8Array[];
  /** The pieces that are written and proven; grows while the file is fetched and is only looked at here. */
  readonly have: PieceSet;
  /** See {@link SharedPieces.signedDescriptor}; null: never. */
  readonly signedDescriptor?: Uint8Array | null;
  /** Called when a piece turned out to be damaged, which is not offered any more. */
  readonly onDamage?: (piece: number) => void;
}

/**
 * The proven pieces of a file that is being written, or was written a moment ago. A piece is compared with its hash the
 * first time it is given, because it went through the disk since it was proven; later answers read it without that. A
 * single read holds at most one chunk of 1 MiB while its sink has another one.
 */
export class PartPieces implements SharedPieces, AsyncDisposable {
  readonly descriptorId: Uint8Array;
  readonly size: number;
  readonly pieceSize: number;
  readonly #options: PartPiecesOptions;
  readonly #file: FileHandle;
  readonly #chunks: FileChunks;
  readonly #checked: PieceSet;
  readonly #damaged: PieceSet;
  readonly #closing = new AbortController();
  readonly #reads = new Set<Promise<void>>();
  #finished: BigIntStats | null = null;
  #isChanged = false;
  #closed: Promise<void> | null = null;

  /** Takes over a file that is open for reading. */
  constructor(file: FileHandle, options: PartPiecesOptions) {
    this.descriptorId = options.descriptorId;
    this.size = options.size;
    this.pieceSize = options.pieceSize;
    this.#options = options;
    this.#file = file;
    this.#chunks = new FileChunks(file, (offset) =>
      this.#damage(Math.floor(offset / this.pieceSize), 'its file ends before'),
    );
    this.#checked = new PieceSet(options.have.length);
    this.#damaged = new PieceSet(options.have.length);
  }

  /** Opens the part file a second time, for reading. @throws NearbitsError E_IO */
  static async open(path: string, options: PartPiecesOptions): Promise<PartPieces> {
    try {
      return new PartPieces(await open(path, 'r'), options);
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
  }

  hashOf(piece: number): Uint8Array | null {
    const { have, hashes } = this.#options;
    const isOffered = this.#closed === null && !this.#isChanged && piece >= 0 && piece < have.length && have.has(piece);
    return isOffered && !this.#damaged.has(piece) ? (hashes[piece] ?? null) : null;
  }

  signedDescriptor(): Uint8Array | null {
    return this.#options.signedDescriptor ?? null;
  }

  /** Offers a damaged piece again, which was fetched and proven anew. */
  repaired(piece: number): void {
    this.#damaged.delete(piece);
    this.#checked.delete(piece);
  }

  /**
   * The file is written no more, and its date is set. From now on it belongs to its user: once somebody has changed it, nothing
   * of it is given any more. @throws NearbitsError E_IO
   */
  async finished(): Promise<void> {
    try {
      this.#finished = await this.#file.stat({ bigint: true });
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
  }

  /** @throws NearbitsError as {@link SharedPieces.read}, and E_INVALID_RANGE for anything but whole pieces of the file. */
  async read(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const reading = this.#read(range, sink, AbortSignal.any([signal, this.#closing.signal]));
    const ended = reading.catch(() => undefined).finally(() => this.#reads.delete(ended));
    this.#reads.add(ended);
    await reading;
  }

  /** Ends what is being read, offers nothing any more and closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    for (const run of cutBatches(range, this)) {
      await this.#checkFinished();
      signal.throwIfAborted();
      for (let piece = run.first; piece < run.end; piece++) this.#hash(piece);
      if (rangeLength(rangeOf(run, this)) > CHUNK_BYTES) await this.#giveLarge(run, sink, signal);
      else await this.#giveSmall(run, sink);
    }
  }

  // Pieces of at most 1 MiB together: checked in the very bytes that are handed out.
  async #giveSmall(run: PieceRun, sink: ByteSink): Promise<void> {
    const range = rangeOf(run, this);
    const chunk = await this.#chunks.read(range);
    for (let piece = run.first; piece < run.end; piece++) {
      if (this.#checked.has(piece)) continue;
      const { start, end } = rangeOf({ first: piece, end: piece + 1 }, this);
      this.#compare(piece, hash('sha256', chunk.subarray(start - range.start, end - range.start), 'buffer'));
    }
    await sink(chunk);
  }

  // One piece of more than 1 MiB: the first time it is read twice, so that nothing of it leaves unchecked.
  async #giveLarge({ first, end }: PieceRun, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const range = rangeOf({ first, end }, this);
    if (!this.#checked.has(first)) {
      const digest = createHash('sha256');
      const take = (chunk: Uint8Array): void => {
        digest.update(chunk);
        sharedChunks.giveBack(chunk);
      };
      await this.#chunks.each(range, take, signal);
      this.#compare(first, digest.digest());
    }
    await this.#chunks.each(range, sink, signal);
  }

  // A change between this look and the read is left to the hash of the receiver.
  async #checkFinished(): Promise<void> {
    if (this.#finished === null) return;
    const { size, mtimeNs } = await this.#file.stat({ bigint: true });
    if (size === this.#finished.size && mtimeNs === this.#finished.mtimeNs) return;
    this.#isChanged = true;
    throw new NearbitsError('E_NOT_FOUND', 'the file was changed by somebody else');
  }

  #hash(piece: number): Uint8Array {
    const sha256 = this.hashOf(piece);
    if (sha256 === null) throw new NearbitsError('E_NOT_FOUND', `piece ${piece} cannot be given`);
    return sha256;
  }

  #compare(piece: number, digest: Buffer): void {
    if (!digest.equals(this.#hash(piece))) throw this.#damage(piece, 'it does not match its hash');
    this.#checked.add(piece);
  }

  #damage(piece: number, problem: string): NearbitsError {
    this.#damaged.add(piece);
    this.#options.onDamage?.(piece);
    return new NearbitsError('E_CACHE_DAMAGED', `piece ${piece} is damaged: ${problem}`, { details: { piece } });
  }

  async #close(): Promise<void> {
    this.#closing.abort(new NearbitsError('E_NOT_FOUND', 'the content is not given any more'));
    await Promise.all(this.#reads);
    await this.#file.close();
  }
}
