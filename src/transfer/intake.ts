import { createHash, type Hash } from 'node:crypto';
import type { ByteRange } from '../core/byte-range.ts';
import { sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Piece } from '../core/pieces.ts';
import { type PieceHasher, sharedHasher } from './hashing/piece-hasher.ts';
import type { PartFile } from './part-file.ts';
import type { SpanHead } from './piece-book.ts';

/** A stretch of incoming bytes that is hashed as one. */
export interface Span extends ByteRange {
  /** SHA-256 the bytes must have, or null when nobody named one (the origin). */
  readonly expected: Uint8Array | null;
}

/** Where the bytes go and who hears of what is proven. */
export interface IntakeDeps {
  readonly part: PartFile;
  /** Told of each span whose bytes are written and right. */
  readonly onProven: (span: ByteRange) => void;
  /**
   * Others may write the same bytes at the same time: a span with an expected hash is written only when it is right, all
   * of it at once, so that nobody's wrong bytes come to lie over bytes that were found right a moment before. Until then
   * it is held in memory. Default: false.
   */
  readonly isShared?: boolean;
  /** Default: that of the process. */
  readonly hasher?: PieceHasher;
}

interface Block {
  readonly chunks: Uint8Array[];
  readonly start: number;
}

/** Chunks are written together in blocks of about this size. */
const BLOCK_BYTES = 1024 * 1024;

/**
 * Takes the bytes of one request: hashes them span by span, writes them, and
 * commits each span whose hash is right. A bad span is never committed. Of a span without an
 * expected hash the beginning is kept as a head, after each block and at the end, so that another
 * request, maybe of another process, goes on behind it.
 */
export class Intake {
  readonly #part: PartFile;
  readonly #onProven: IntakeDeps['onProven'];
  readonly #isShared: boolean;
  readonly #hasher: PieceHasher;
  readonly #spans: readonly Span[];
  #index = 0;
  #hash: Hash;
  #offset: number;
  #block: Uint8Array[] = [];
  #blockBytes = 0;
  /** All that came so far is written and entered, or has failed. */
  #entered: Promise<void> = Promise.resolve();
  #failure: unknown = null;
  #writeFailed = false;

  /** `spans` are consecutive, without gaps; `head` continues the first one. */
  constructor(deps: IntakeDeps, spans: readonly Span[], head: SpanHead | null) {
    this.#part = deps.part;
    this.#onProven = deps.onProven;
    this.#isShared = deps.isShared ?? false;
    this.#hasher = deps.hasher ?? sharedHasher;
    this.#spans = spans;
    this.#offset = head?.offset ?? (spans[0]?.start as number);
    this.#hash = head?.hash.copy() ?? createHash('sha256');
  }

  /** Takes the next chunk; a returned promise must be waited for. */
  readonly sink = (chunk: Uint8Array): void | Promise<void> => {
    if (this.#failure !== null) throw this.#failure;
    for (let rest = chunk; rest.byteLength > 0; ) {
      const span = this.#spans[this.#index];
      if (span === undefined) throw new NearbitsError('E_PEER_PROTOCOL', 'more bytes came than were asked for');
      const wanted = span.end - this.#offset;
      // The chunk itself is kept where it can be: only the very view that was lent goes back to the pool.
      const taken = rest.byteLength <= wanted ? rest : rest.subarray(0, wanted);
      rest = rest.subarray(taken.byteLength);
      if (taken.byteLength === span.end - span.start) this.#takeWhole(taken, span);
      else this.#take(taken, span);
    }
    return this.#hasher.room() ?? this.#part.room();
  };

  /** Waits until all that came is written and committed. Call it after success and after failure. */
  async settle(): Promise<void> {
    if (this.#isHeld(this.#spans[this.#index])) this.#drop();
    else this.#flush(null);
    await this.#entered;
    if (this.#failure !== null) throw this.#failure;
  }

  #take(bytes: Uint8Array, span: Span): void {
    this.#hash.update(bytes);
    this.#block.push(bytes);
    this.#blockBytes += bytes.byteLength;
    this.#offset += bytes.byteLength;
    if (this.#offset === span.end) this.#finishSpan(span);
    else if (this.#blockBytes >= BLOCK_BYTES && !this.#isHeld(span)) this.#flush(null);
  }

  #isHeld(span: Span | undefined): boolean {
    return this.#isShared && span !== undefined && span.expected !== null;
  }

  #drop(): void {
    this.#block = [];
    this.#blockBytes = 0;
  }

  // Nearly all spans come in one chunk. Where much comes that is hashed by another thread while the next one is taken in.
  #takeWhole(bytes: Uint8Array, span: Span): void {
    const block = { chunks: [bytes], start: this.#offset };
    this.#offset = span.end;
    this.#index++;
    const hashing = this.#hasher.sha256(bytes);
    if (hashing instanceof Promise) this.#entered = this.#writeHashed(block, span, hashing, this.#entered);
    else this.#write(block, this.#judge(span, hashing), null);
  }

  // What is wrong is not even written: the failure is noted, and the next chunk is refused.
  async #writeHashed(block: Block, span: Span, hashing: Promise<Uint8Array>, before: Promise<void>): Promise<void> {
    try {
      const done = this.#judge(span, await hashing);
      await this.#writeAndEnter(block, done, null, before);
    } catch (error) {
      this.#failure ??= error;
      await before;
    }
  }

  #finishSpan(span: Span): void {
    const hash = this.#hash.digest();
    this.#hash = createHash('sha256');
    this.#index++;
    this.#flush(this.#judge(span, hash));
  }

  #judge({ start, end, expected }: Span, hash: Uint8Array): Piece {
    if (expected === null || Buffer.compare(expected, hash) === 0) return { start, end, hash };
    this.#drop();
    this.#failure ??= new NearbitsError('E_PEER_BAD_DATA', `bytes ${start} to ${end - 1} do not match their hash`, {
      details: { start },
    });
    throw this.#failure;
  }

  #flush(done: Piece | null): void {
    const block = { chunks: this.#block, start: this.#offset - this.#blockBytes };
    if (block.chunks.length === 0) return;
    this.#drop();
    this.#write(block, done, done === null ? this.#head() : null);
  }

  #write(block: Block, done: Piece | null, head: SpanHead | null): void {
    this.#entered = this.#writeAndEnter(block, done, head, this.#entered);
  }

  // Only the origin's bytes may be continued by another request: If-Range proves that both are of one version.
  #head(): SpanHead | null {
    const span = this.#spans[this.#index];
    if (span === undefined || span.expected !== null || this.#offset === span.start) return null;
    return { start: span.start, offset: this.#offset, hash: this.#hash.copy() };
  }

  // The block is written in the background; its span is committed, or its head kept, only after the write, and after all
  // that came before it: a span may have begun there, and whoever counts what is there counts in the order of the file.
  async #writeAndEnter(block: Block, done: Piece | null, head: SpanHead | null, before: Promise<void>): Promise<void> {
    try {
      await this.#part.write(block.chunks, block.start);
      for (const chunk of block.chunks) sharedChunks.giveBack(chunk);
      await before;
      // A bad span does not take back the good ones before it; a failed write may be part of this one.
      if (!this.#writeFailed) await this.#enter(done, head);
    } catch (error) {
      this.#writeFailed = true;
      this.#failure ??= error;
    }
  }

  async #enter(done: Piece | null, head: SpanHead | null): Promise<void> {
    if (head !== null) await this.#part.keepHead(head);
    if (done === null) return;
    await this.#part.commit(done, done.hash);
    this.#onProven(done);
  }
}
