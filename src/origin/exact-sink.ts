import type { ByteSink } from '../core/source.ts';
import { originError } from './failure.ts';

/** A sink that takes exactly as many bytes as were announced. */
export interface ExactSink {
  /** Passes bytes on; throws E_ORIGIN_PROTOCOL at the first byte too many, before handing it over. */
  readonly sink: ByteSink;
  /** Call after the last byte: throws E_ORIGIN_TRUNCATED when some are missing. */
  end(): void;
}

/** Wraps `sink` so that it gets `expected` bytes, no more; `url` is named in errors. */
export function exactSink(expected: number, sink: ByteSink, url: string): ExactSink {
  let received = 0;
  return {
    sink(chunk) {
      received += chunk.length;
      if (received > expected) {
        throw originError('E_ORIGIN_PROTOCOL', url, `sends more than the ${expected} bytes of the answer`);
      }
      return sink(chunk);
    },
    end() {
      if (received === expected) return;
      throw originError('E_ORIGIN_TRUNCATED', url, `sent ${received} of ${expected} bytes`, {
        details: { received, expected },
      });
    },
  };
}
