import type { FileHandle } from 'node:fs/promises';
import { toNearbitsError } from '../core/errors.ts';

/** Bytes that may wait for the disk before the sender is told to pause. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;

/**
 * Writes to one file without making the sender wait for each write, while the
 * bytes in memory stay bounded. Writes follow each other, so that a transfer takes one
 * thread of the pool and leaves the others to the rest of the node. After a failed write
 * every later call fails alike.
 */
export class WriteQueue {
  readonly #file: FileHandle;
  #pendingBytes = 0;
  #last: Promise<void> = Promise.resolve();
  #error: unknown = null;
  #room: PromiseWithResolvers<void> | null = null;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Writes the chunks one after the other from `position`; the chunks belong to the queue from now on.
   * @throws NearbitsError E_DISK_FULL or E_IO.
   */
  async write(chunks: Uint8Array[], position: number): Promise<void> {
    this.#check();
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    this.#pendingBytes += bytes;
    const work = this.#last.then(() => this.#writeAll(chunks, bytes, position));
    this.#last = work.catch(() => undefined);
    try {
      await work;
    } catch (error) {
      this.#error ??= error;
      throw toNearbitsError(error, 'E_IO');
    } finally {
      this.#pendingBytes -= bytes;
      if (this.#pendingBytes <= MAX_PENDING_BYTES / 2) this.#makeRoom();
    }
  }

  /** Undefined while there is room, else a promise that resolves when there is room again. */
  room(): Promise<void> | undefined {
    this.#check();
    if (this.#pendingBytes < MAX_PENDING_BYTES) return undefined;
    // Several requests may wait at a time.
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Resolves when all that was given to {@link write} is written or has failed. */
  async idle(): Promise<void> {
    await this.#last;
  }

  // The kernel may write less than asked, for instance when a disk fills up: the rest follows or fails by name.
  async #writeAll(chunks: Uint8Array[], bytes: number, position: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(chunks, position);
    if (bytesWritten === bytes) return;
    const rest = Buffer.concat(chunks).subarray(bytesWritten);
    for (let done = 0; done < rest.byteLength; ) {
      const result = await this.#file.write(rest, done, rest.byteLength - done, position + bytesWritten + done);
      done += result.bytesWritten;
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  #check(): void {
    if (this.#error !== null) throw toNearbitsError(this.#error, 'E_IO');
  }
}
