import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from './byte-range.ts';
import { CHUNK_BYTES, sharedChunks } from './chunk-pool.ts';
import type { ByteSink } from './source.ts';

/** Reads an open file in chunks of at most 1 MiB; one at a time is held. */
export class FileChunks {
  readonly #file: FileHandle;
  readonly #tooShort: (offset: number) => Error;

  /** `tooShort` makes the failure for a file that ends at an offset before the end of what is read. */
  constructor(file: FileHandle, tooShort: (offset: number) => Error) {
    this.#file = file;
    this.#tooShort = tooShort;
  }

  /** The bytes of a range of at most 1 MiB; a whole chunk comes from the shared pool and may be given back to it. */
  async read({ start, end }: ByteRange): Promise<Uint8Array> {
    const length = end - start;
    // The pool lends only whole chunks; small pieces must not take as much memory as large ones.
    const chunk = length === CHUNK_BYTES ? sharedChunks.take() : Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#file.read(chunk, done, length - done, start + done);
      if (bytesRead === 0) throw this.#tooShort(start + done);
      done += bytesRead;
    }
    return chunk;
  }

  /** Hands a range of any length to `take`, in order. @throws the reason of the signal when it aborts. */
  async each(range: ByteRange, take: ByteSink, signal: AbortSignal): Promise<void> {
    for (let { start } = range; start < range.end; start += CHUNK_BYTES) {
      signal.throwIfAborted();
      await take(await this.read({ start, end: Math.min(start + CHUNK_BYTES, range.end) }));
    }
  }
}
