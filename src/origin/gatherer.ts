import { CHUNK_BYTES, copyInto, sharedChunks } from '../core/chunk-pool.ts';

/**
 * Gathers what a socket gives (64 KiB at a time) into pooled chunks of up to 1 MiB that end at multiples of 1 MiB of the
 * file, as pieces do, and frees the socket's buffers at once. Left to the garbage collector those cost twice the processor
 * time (0.66 s against 0.30 s a GB) and 96 MiB beside the idle process instead of 11 MiB.
 */
export class Gatherer {
  #offset: number;
  #chunk: Uint8Array | null = null;
  #filled = 0;
  #used: ArrayBuffer | null = null;

  /** `start` is where in the file the first byte belongs. */
  constructor(start: number) {
    this.#offset = start;
  }

  /** Whether bytes wait for their chunk to become full. */
  get isHolding(): boolean {
    return this.#filled > 0;
  }

  /** Copies bytes in and returns the chunks that are full now. The buffer is lent by undici and must not be used after the next call. */
  add(bytes: Buffer): Uint8Array[] {
    const full: Uint8Array[] = [];
    for (let rest = bytes; rest.byteLength > 0; ) {
      const chunk = this.#chunk ?? this.#begin();
      const part = rest.subarray(0, this.#room());
      copyInto(chunk, this.#filled, part);
      this.#filled += part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (this.#room() === 0) full.push(this.#take(chunk));
    }
    this.#freeLater(bytes);
    return full;
  }

  /** What waits, as a chunk of its own size, or null. */
  flush(): Uint8Array | null {
    if (this.#chunk === null || this.#filled === 0) return null;
    // A small rest must not keep 1 MiB in memory.
    if (this.#filled > CHUNK_BYTES / 2) return this.#take(this.#chunk);
    const copy = this.#chunk.slice(0, this.#filled);
    this.#offset += this.#filled;
    this.drop();
    return copy;
  }

  /** Gives back what was begun. */
  drop(): void {
    if (this.#chunk !== null) sharedChunks.giveBack(this.#chunk);
    this.#chunk = null;
    this.#filled = 0;
  }

  #begin(): Uint8Array {
    this.#chunk = sharedChunks.take();
    return this.#chunk;
  }

  #room(): number {
    return CHUNK_BYTES - (this.#offset % CHUNK_BYTES) - this.#filled;
  }

  #take(chunk: Uint8Array): Uint8Array {
    const full = sharedChunks.trim(chunk, this.#filled);
    this.#offset += this.#filled;
    this.#chunk = null;
    this.#filled = 0;
    return full;
  }

  // Frees the buffer of the call before, never this one: its parser may still look at it. Only a buffer that the bytes fill
  // alone is freed; a slab that Node shares between small buffers is never filled by one (they take less than half of it).
  #freeLater(bytes: Buffer): void {
    const { buffer } = bytes;
    if (buffer === this.#used) return;
    this.#used?.transfer(0);
    this.#used = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength ? buffer : null;
  }
}
