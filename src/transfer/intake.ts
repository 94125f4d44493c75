import { createHash, type Hash, webcrypto } from 'node:crypto';
import type { ByteRange } from '../core/byte-range.ts';
import { sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Piece } from '../core/pieces.ts';
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
  readonly #spans: readonly Span[];
  readonly #commits = new Set<Promise<void>>();
  #index = 0;
  #hash: Hash;
  #offset: number;
  #block: Uint8Array[] = [];
  #blockBytes = 0;
  #failure: unknown = null;
  #writeFailed = false;

  /** `spans` are consecutive, without gaps; `head` continues the first one. */
  constructor({ part, onProven, isShared = false }: IntakeDeps, spans: readonly Span[], head: SpanHead | null) {
    this.#part = part;
    this.#onProven = onProven;
    this.#isShared = isShared;
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
      const whole = taken.byteLength === span.end - span.start;
      if (whole && span.expected === null) this.#takeWhole(taken, span);
      else this.#take(taken, span);
    }
    return this.#part.room();
  };

  /** Waits until all that came is written and committed. Call it after success and after failure. */
  async settle(): Promise<void> {
    if (this.#isHeld(this.#spans[this.#index])) this.#drop();
    else this.#flush(null);
    await Promise.all(this.#commits);
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

  // A span of the origin that comes in one chunk, as nearly all do, is hashed by a thread of the pool while it is written.
  // A neighbour's is not: it is judged before the next one is taken, and there both ends wait for a processor anyway.
  #takeWhole(bytes: Uint8Array, span: Span): void {
    const block = { chunks: [bytes], start: this.#offset };
    this.#offset = span.end;
    this.#index++;
    const hashing = sha256(bytes);
    this.#write(block, [], hashing, async () =>
      this.#enter({ start: span.start, end: span.end, hash: await hashing }, null),
    );
  }

  #finishSpan(span: Span): void {
    const hash = this.#hash.digest();
    this.#hash = createHash('sha256');
    this.#index++;
    if (span.expected !== null && !hash.equals(span.expected)) {
      this.#drop();
      this.#failure = new NearbitsError(
        'E_PEER_BAD_DATA',
        `bytes ${span.start} to ${span.end - 1} do not match their hash`,
        { details: { start: span.start } },
      );
      throw this.#failure;
    }
    this.#flush({ start: span.start, end: span.end, hash });
  }

  // The block is written in the background; its span is committed, or its head kept, only after the write.
  #flush(done: Piece | null): void {
    const block = { chunks: this.#block, start: this.#offset - this.#blockBytes };
    if (block.chunks.length === 0) return;
    this.#drop();
    const head = done === null ? this.#head() : null;
    // The earlier blocks of the span must be on disk too before it counts.
    const earlier = [...this.#commits];
    this.#write(block, earlier, null, () => this.#enter(done, head));
  }

  #write(block: Block, earlier: Promise<void>[], reading: Promise<unknown> | null, enter: () => Promise<void>): void {
    const work = this.#writeAndEnter(block, earlier, reading, enter);
    this.#commits.add(work);
    void work.then(() => this.#commits.delete(work));
  }

  // Only the origin's bytes may be continued by another request: If-Range proves that both are of one version.
  #head(): SpanHead | null {
    const span = this.#spans[this.#index];
    if (span === undefined || span.expected !== null || this.#offset === span.start) return null;
    return { start: span.start, offset: this.#offset, hash: this.#hash.copy() };
  }

  async #enter(done: Piece | null, head: SpanHead | null): Promise<void> {
    if (head !== null) await this.#part.keepHead(head);
    if (done === null) return;
    await this.#part.commit(done, done.hash);
    this.#onProven(done);
  }

  // `reading` resolves when nobody looks at the chunks any more.
  async #writeAndEnter(
    block: Block,
    earlier: Promise<void>[],
    reading: Promise<unknown> | null,
    enter: () => Promise<void>,
  ): Promise<void> {
    try {
      await Promise.all([this.#part.write(block.chunks, block.start), reading]);
      for (const chunk of block.chunks) sharedChunks.giveBack(chunk);
      await Promise.all(earlier);
      // A bad span does not take back the good ones before it; a failed write may be part of this one.
      if (!this.#writeFailed) await enter();
    } catch (error) {
      this.#writeFailed = true;
      this.#failure ??= error;
    }
  }
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  // Chunks never lie in shared memory, which is all that the narrower type of the call says.
  return new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}
