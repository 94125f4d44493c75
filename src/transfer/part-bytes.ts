import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import { sharedChunks } from '../core/chunk-pool.ts';
import { RangeSet } from '../core/range-set.ts';
import { locate, type Placement } from './layout.ts';
import { WriteQueue } from './write-queue.ts';

/** The bytes of a part file on disk, addressed by their offsets in the origin file. */
export class PartBytes {
  readonly #file: FileHandle;
  readonly #placements: readonly Placement[];
  readonly #queue: WriteQueue;

  /** `placements` says where each wanted range lies in `file`. */
  constructor(file: FileHandle, placements: readonly Placement[]) {
    this.#file = file;
    this.#placements = placements;
    this.#queue = new WriteQueue(file);
  }

  /** Undefined while the disk keeps up, else a promise to wait for before more is written. */
  room(): Promise<void> | undefined {
    return this.#queue.room();
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#queue.idle();
  }

  /** Writes those bytes of `chunks`, which start at origin offset `start`, that are wanted and not in `keep`. */
  async write(chunks: Uint8Array[], start: number, keep: RangeSet): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    const parts = this.#open({ start, end: start + length }, keep);
    const only = parts[0];
    if (parts.length === 1 && only !== undefined && rangeLength(only.range) === length) {
      return this.#queue.write(chunks, only.position);
    }
    const bytes = Buffer.concat(chunks);
    for (const part of parts) {
      await this.#queue.write([bytes.subarray(part.range.start - start, part.range.end - start)], part.position);
    }
  }

  /**
   * Hands the bytes of `range` to `take`, in the order of the origin file and in blocks of at most 1 MiB that are valid
   * only during the call. Says whether all of them were there.
   * @throws the reason of `signal` when it aborts.
   */
  async read(range: ByteRange, take: (bytes: Uint8Array) => void, signal?: AbortSignal): Promise<boolean> {
    const buffer = sharedChunks.take();
    try {
      for (const part of locate(this.#placements, range)) {
        if (!(await this.#readInto(buffer, part.position, rangeLength(part.range), take, signal))) return false;
      }
      return true;
    } finally {
      sharedChunks.giveBack(buffer);
    }
  }

  /** SHA-256 of the bytes of `range`; of fewer bytes, and so another one, where the file is too short. */
  async hashOf(range: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    const hash = createHash('sha256');
    await this.read(range, (bytes) => hash.update(bytes), signal);
    return hash.digest();
  }

  /** SHA-256 of the first `length` bytes of the local file, in hex. */
  async digest(length: number, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    const buffer = sharedChunks.take();
    try {
      await this.#readInto(buffer, 0, length, (bytes) => hash.update(bytes), signal);
    } finally {
      sharedChunks.giveBack(buffer);
    }
    return hash.digest('hex');
  }

  // Each block is read in a thread of the pool, so that the event loop turns between two blocks.
  async #readInto(
    buffer: Uint8Array,
    position: number,
    length: number,
    take: (bytes: Uint8Array) => void,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    for (let done = 0; done < length; ) {
      signal?.throwIfAborted();
      const want = Math.min(buffer.byteLength, length - done);
      const { bytesRead } = await this.#file.read(buffer, 0, want, position + done);
      if (bytesRead === 0) return false;
      take(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
    return true;
  }

  #open(range: ByteRange, keep: RangeSet): Placement[] {
    const placed = locate(this.#placements, range);
    if (keep.isEmpty) return placed;
    return placed.flatMap((part) => withoutKept(part, keep));
  }
}

function withoutKept(part: Placement, keep: RangeSet): Placement[] {
  const moved = part.position - part.range.start;
  const open = RangeSet.of(part.range).subtract(keep);
  return open.ranges.map((range) => ({ range, position: range.start + moved }));
}
