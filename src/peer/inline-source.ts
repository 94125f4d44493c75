import { type ByteRange, intersectRanges, rangeLength } from '../core/byte-range.ts';
import { toNearbitsError } from '../core/errors.ts';
import type { Piece } from '../core/pieces.ts';
import type { ByteSink, Source } from '../core/source.ts';

/** A found record whose content came with the answer: the bytes of all its listed pieces, one after another. */
export interface InlineRecord {
  readonly pieces: readonly Piece[];
  readonly inline: Uint8Array;
}

/**
 * The holder of a record as a source that hands out what came with its answer. Nothing is checked here: that is done by
 * whoever takes bytes of any neighbour. Ranges that did not come are asked for at the holder's content server, `rest`.
 */
export function inlineSource(record: InlineRecord, rest: Source): Source {
  return {
    kind: rest.kind,
    id: rest.id,
    fetch: async (range, sink, signal) => {
      if (signal.aborted) throw toNearbitsError(signal.reason, 'E_CANCELLED');
      const chunks = chunksOf(record, range);
      if (chunks === null) return rest.fetch(range, sink, signal);
      for (const chunk of chunks) await handOver(chunk, sink, signal);
    },
  };
}

/** The bytes of the range piece by piece, or null when they did not all come. */
function chunksOf({ pieces, inline }: InlineRecord, range: ByteRange): Uint8Array[] | null {
  const chunks: Uint8Array[] = [];
  let missing = rangeLength(range);
  let at = 0;
  for (const piece of pieces) {
    const part = intersectRanges(piece, range);
    if (part !== null) {
      chunks.push(inline.subarray(at + part.start - piece.start, at + part.end - piece.start));
      missing -= rangeLength(part);
    }
    at += rangeLength(piece);
  }
  return missing === 0 ? chunks : null;
}

// A chunk belongs to its sink, and the same bytes may be asked for again: it gets a copy.
async function handOver(chunk: Uint8Array, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(toNearbitsError(signal.reason, 'E_CANCELLED'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([aborted.promise, sink(Uint8Array.from(chunk))]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
