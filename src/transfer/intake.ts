import { createHash, type Hash } from 'node:crypto';
import type { ByteRange } from '../core/byte-range.ts';
import { sharedChunks } from '../core/chunk-pool.ts';
import { NearbitsError } from '../core/errors.ts';
import type { PartFile } from './part-file.ts';

/** A stretch of incoming bytes that is hashed as one. */
export interface Span extends ByteRange {
  /** SHA-256 the bytes must have, or null when nobody named one (the origin). */
  readonly expected: Uint8Array | null;
}

/** The beginning of a span that arrived before the connection broke. */
export interface SpanHead {
  readonly offset: number;
  readonly hash: Hash;
}

/** Chunks are written together in blocks of about this size. */
const BLOCK_BYTES = 1024 * 1024;

/**
 * Takes the bytes of one request: hashes them span by span, writes them, and
 * commits each span whose hash is right. A bad span is never committed.
 */
export class Intake {
  readonly #part: PartFile;
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
  constructor(part: PartFile, spans: readonly Span[], head: SpanHead | null) {
    this.#part = part;
    this.#spans = spans;
    this.#offset = head?.offset ?? (spans[0]?.start as number);
    this.#hash = head?.hash ?? createHash('sha256');
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
      this.#take(taken, span);
    }
    return this.#part.room();
  };

  /** Waits until all that came is written and committed. Call it after success and after failure. */
  async settle(): Promise<void> {
    this.#flush(null);
    await Promise.all(this.#commits);
    if (this.#failure !== null) throw this.#failure;
  }

  /** The unfinished span, for the next request to continue; null at a span's edge. Only valid after settle(). */
  head(): SpanHead | null {
    const span = this.#spans[this.#index];
    if (span === undefined || this.#failure !== null || this.#offset === span.start) return null;
    return { offset: this.#offset, hash: this.#hash };
  }

  #take(bytes: Uint8Array, span: Span): void {
    this.#hash.update(bytes);
    this.#block.push(bytes);
    this.#blockBytes += bytes.byteLength;
    this.#offset += bytes.byteLength;
    if (this.#offset === span.end) this.#finishSpan(span);
    else if (this.#blockBytes >= BLOCK_BYTES) this.#flush(null);
  }

  #finishSpan(span: Span): void {
    const hash = this.#hash.digest();
    this.#hash = createHash('sha256');
    this.#index++;
    if (span.expected !== null && !hash.equals(span.expected)) {
      this.#block = [];
      this.#blockBytes = 0;
      this.#failure = new NearbitsError(
        'E_PEER_BAD_DATA',
        `bytes ${span.start} to ${span.end - 1} do not match their hash`,
      );
      throw this.#failure;
    }
    this.#flush({ span, hash });
  }

  // The block is written in the background; its span is committed only after the write.
  #flush(done: { readonly span: Span; readonly hash: Uint8Array } | null): void {
    const chunks = this.#block;
    const start = this.#offset - this.#blockBytes;
    this.#block = [];
    this.#blockBytes = 0;
    // The earlier blocks of the span must be on disk too before it counts.
    const earlier = [...this.#commits];
    const work = this.#writeAndCommit(chunks, start, done, earlier);
    this.#commits.add(work);
    void work.then(() => this.#commits.delete(work));
  }

  async #writeAndCommit(
    chunks: Uint8Array[],
    start: number,
    done: { readonly span: Span; readonly hash: Uint8Array } | null,
    earlier: Promise<void>[],
  ): Promise<void> {
    try {
      if (chunks.length > 0) await this.#part.write(chunks, start);
      for (const chunk of chunks) sharedChunks.giveBack(chunk);
      if (done === null) return;
      await Promise.all(earlier);
      // A bad span does not take back the good ones before it; a failed write may be part of this one.
      if (!this.#writeFailed) await this.#part.commit(done.span, done.hash);
    } catch (error) {
      this.#writeFailed = true;
      this.#failure ??= error;
    }
  }
}
