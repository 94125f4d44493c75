/** Bytes move through the node in chunks of at most this size: 1 MiB, the smallest piece. */
export const CHUNK_BYTES = 1024 * 1024;

/**
 * Keeps buffers of {@link CHUNK_BYTES} for their next use. A buffer from the operating system costs page
 * faults, and one that waits for the garbage collector counts as memory in use: with fresh buffers a
 * transfer of 1 GiB needed a sixth more processor time and 55 MiB more memory at each end.
 *
 * Chunks lie in shared memory, so that a thread can hash them where they are.
 *
 * Whoever owns a chunk last may give it back and must not look at it afterwards. Nobody has to: a chunk
 * that is not given back is collected as any other.
 */
export class ChunkPool {
  readonly #maxKept: number;
  readonly #free: Uint8Array[] = [];
  // Only the very views that were lent come back: two views of one buffer would free it while one is in use.
  readonly #lent = new WeakSet<Uint8Array>();

  /** Keeps at most `maxKept` unused chunks; further ones are left to the garbage collector. */
  constructor(options: { readonly maxKept: number }) {
    this.#maxKept = options.maxKept;
  }

  /** A chunk of {@link CHUNK_BYTES} with old bytes in it. */
  take(): Uint8Array {
    const chunk = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(CHUNK_BYTES));
    this.#lent.add(chunk);
    return chunk;
  }

  /** The first `bytes` of a chunk that was taken, to be handed on in its place; the longer view must not be used any more. */
  trim(chunk: Uint8Array, bytes: number): Uint8Array {
    if (bytes === chunk.byteLength) return chunk;
    const short = chunk.subarray(0, bytes);
    if (this.#lent.delete(chunk)) this.#lent.add(short);
    return short;
  }

  /** Takes back what {@link take} or {@link trim} returned; anything else, or the same again, is ignored. */
  giveBack(chunk: Uint8Array): void {
    if (!this.#lent.delete(chunk) || this.#free.length >= this.#maxKept) return;
    this.#free.push(new Uint8Array(chunk.buffer));
  }
}

/**
 * Copies bytes into a chunk at `at`. V8 copies into shared memory word by word, four times as slowly as Node copies a part
 * of a buffer; so all but the last byte is such a part.
 */
export function copyInto(chunk: Uint8Array, at: number, bytes: Buffer): void {
  const last = bytes.length - 1;
  if (last < 0) return;
  bytes.copy(chunk, at, 0, last);
  chunk[at + last] = bytes[last] as number;
}

/** The pool of this process. It keeps at most 16 MiB: what three served clients and one transfer have in hand. */
export const sharedChunks: ChunkPool = new ChunkPool({ maxKept: 16 });
