import type { Cache } from '../cache/cache.ts';
import { rangeLength } from '../core/byte-range.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId, RecordId } from '../core/ids.ts';
import { type Piece, piecesLength } from '../core/pieces.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { RateLimit } from './rate-limit.ts';
import type { RequestCaps } from './request-caps.ts';
import type { ClientSlots, SlotUse } from './slots.ts';

/** What giving content with an answer takes; the same limits as for all other content. */
export interface InlineDeps {
  readonly cache: Pick<Cache, 'open'>;
  readonly emit: EmitEvent;
  readonly slots: ClientSlots;
  readonly rate: RateLimit;
  readonly caps: RequestCaps;
}

/** Content that goes out with the answer to a search. */
export interface InlineContent {
  /** The pieces, one after another, checked against their hashes. */
  readonly bytes: Uint8Array;
  /** Ends the use of the slot; must be called once the answer has left (`sent`) or could not be sent. */
  done(sent: boolean): void;
}

/**
 * Reads a few pieces of a record for a proven member. Null when the limits do not allow it at once: then the answer goes
 * without, and the asker comes to the content server, where it can wait.
 * @throws NearbitsError E_CACHE_DAMAGED or E_NOT_FOUND when the record cannot be given to anybody.
 */
export async function readInline(
  deps: InlineDeps,
  nodeId: NodeId,
  recordId: RecordId,
  pieces: readonly Piece[],
): Promise<InlineContent | null> {
  const { caps, emit } = deps;
  if (caps.enter(nodeId) !== null) return null;
  const slot = takeTurn(deps, nodeId, piecesLength(pieces));
  if (slot === null) {
    caps.leave(nodeId);
    return null;
  }
  emit({ type: 'serve.started', nodeId, recordId });
  const end = (bytes: number) => {
    slot.release();
    caps.leave(nodeId);
    emit({ type: 'serve.finished', nodeId, recordId, bytes });
  };
  try {
    const bytes = await readPieces(deps.cache, recordId, pieces);
    return { bytes, done: (sent) => end(sent ? bytes.byteLength : 0) };
  } catch (error) {
    end(0);
    throw error;
  }
}

function takeTurn({ slots, rate }: InlineDeps, nodeId: NodeId, bytes: number): SlotUse | null {
  const slot = slots.tryAcquire(nodeId);
  if (slot === null || rate.tryTake(bytes)) return slot;
  slot.release();
  return null;
}

async function readPieces(cache: InlineDeps['cache'], id: RecordId, pieces: readonly Piece[]): Promise<Uint8Array> {
  await using reader = await cache.open(id);
  // It may have been refused by its user meanwhile.
  if (reader.record.state !== 'valid') throw new NearbitsError('E_NOT_FOUND', 'the record is not shared any more');
  const bytes = new Uint8Array(piecesLength(pieces));
  const never = new AbortController().signal;
  let at = 0;
  for (const piece of pieces) {
    const take = (chunk: Uint8Array) => bytes.set(chunk, at);
    await reader.read(piece, take, never);
    at += rangeLength(piece);
  }
  return bytes;
}
