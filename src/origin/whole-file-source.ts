import type { ByteRange } from '../core/byte-range.ts';
import { isAbortError } from '../core/errors.ts';
import type { ByteSink, Source } from '../core/source.ts';

/**
 * Makes a source that serves only whole files deliver a range of one: fetches
 * from the start, drops what lies before the range and stops after it. Meant for
 * the rest of a file that broke off, when there is no better way.
 */
export class WholeFileSource implements Source {
  readonly kind = 'origin';
  readonly id = 'origin';
  readonly #whole: Source;
  readonly #size: number;

  /** `whole` must deliver [0, size). */
  constructor(whole: Source, size: number) {
    this.#whole = whole;
    this.#size = size;
  }

  async fetch(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    let offset = 0;
    const cut: ByteSink = (chunk) => {
      const start = Math.max(0, range.start - offset);
      const wanted = chunk.subarray(start, Math.max(start, range.end - offset));
      offset += chunk.byteLength;
      const pause = wanted.byteLength > 0 ? sink(wanted) : undefined;
      if (offset >= range.end && range.end < this.#size) enough.abort();
      return pause;
    };
    try {
      await this.#whole.fetch({ start: 0, end: this.#size }, cut, AbortSignal.any([signal, enough.signal]));
    } catch (error) {
      // Everything wanted came before the request was stopped on purpose.
      if (!enough.signal.aborted || signal.aborted) throw error;
      if (!isAbortError(error) && offset < range.end) throw error;
    }
  }
}
