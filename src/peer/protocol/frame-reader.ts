import { LengthPrefix } from './frames.ts';

/**
 * Reads the many length-prefixed messages of a stream from its chunks, in order. Holds at most the one message that is
 * incomplete, and takes memory for it only when its length is known and allowed.
 */
export class FrameReader {
  readonly #prefix: LengthPrefix;
  #message: Uint8Array | null = null;
  #filled = 0;

  constructor(maxBytes: number) {
    this.#prefix = new LengthPrefix(maxBytes);
  }

  /**
   * Takes a chunk and gives each message that it completes; the caller takes all of them, or reads the stream no more.
   * A message may lie in the memory of the chunk.
   * @throws NearbitsError E_PEER_PROTOCOL after the last message before one that is too long.
   */
  *add(chunk: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#message === null) {
        const length = this.#prefix.add(chunk[at++] as number);
        if (length === null) continue;
        if (length > chunk.length - at) this.#begin(length);
        else {
          yield chunk.subarray(at, at + length);
          at += length;
        }
      } else {
        at += this.#fill(this.#message, chunk.subarray(at));
        if (this.#filled === this.#message.length) yield this.#finish(this.#message);
      }
    }
  }

  #begin(length: number): void {
    this.#message = new Uint8Array(length);
    this.#filled = 0;
  }

  // Returns how many bytes of the chunk belong to the message.
  #fill(message: Uint8Array, chunk: Uint8Array): number {
    const part = chunk.subarray(0, message.length - this.#filled);
    message.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  #finish(message: Uint8Array): Uint8Array {
    this.#message = null;
    return message;
  }
}
