import { createHash } from 'node:crypto';
import { NearbitsError } from '../../src/core/errors.ts';
import type { FileVersion } from '../../src/core/file-version.ts';
import { sameVersion } from '../../src/core/file-version.ts';
import { type NodeId, newRecordId } from '../../src/core/ids.ts';
import { cutIntoPieces, pieceSizeFor } from '../../src/core/pieces.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import type { ByteSink, Source } from '../../src/core/source.ts';
import type { Neighbours } from '../../src/fetch/deps.ts';
import type { PeerAnswer, PeerRecord, SearchQuery } from '../../src/peer/search-types.ts';

/** One neighbour in memory: what it holds and how it misbehaves. */
export interface ScriptedNeighbour {
  readonly nodeId: NodeId;
  readonly content: Buffer;
  readonly version: FileVersion;
  /** What it holds; all of it unless told otherwise. */
  readonly holds?: RangeSet;
  /** Fails with this code after so many bytes of its first request. */
  readonly failAfter?: {
    readonly bytes: number;
    readonly code: 'E_PEER_UNREACHABLE' | 'E_PEER_TIMEOUT' | 'E_PEER_BUSY';
  };
  /** Delivers other bytes than it hashed. */
  readonly corrupt?: boolean;
  /** Content its hashes are made of, when it lies about the file consistently. */
  readonly forged?: Buffer;
}

const CHUNK = 64 * 1024;

/** Neighbours that live in memory; counts what they gave. */
export class ScriptedNeighbours implements Neighbours {
  readonly given = new Map<NodeId, number>();
  readonly failures: { nodeId: NodeId; code: string }[] = [];
  searches = 0;
  /** Who was asked, in order, over all searches. */
  readonly asked: NodeId[] = [];
  readonly #neighbours: readonly ScriptedNeighbour[];
  readonly #failed = new Set<NodeId>();

  constructor(neighbours: readonly ScriptedNeighbour[]) {
    this.#neighbours = neighbours;
  }

  async *search(query: SearchQuery): AsyncIterable<PeerAnswer> {
    this.searches++;
    for (const neighbour of this.#neighbours) {
      if (query.skips?.(neighbour.nodeId)) continue;
      this.asked.push(neighbour.nodeId);
      const fits = query.version === null || sameVersion(query.version, neighbour.version);
      yield {
        ...answerBase(neighbour),
        status: fits ? 'found' : 'not-found',
        records: fits ? [recordOf(neighbour)] : [],
      };
    }
  }

  source(answer: PeerAnswer, _record: PeerRecord): Source {
    const neighbour = this.#neighbours.find((one) => one.nodeId === answer.nodeId) as ScriptedNeighbour;
    return {
      kind: 'peer',
      id: neighbour.nodeId,
      fetch: (range, sink, signal) => this.#deliver(neighbour, range, sink, signal),
    };
  }

  failed(nodeId: NodeId, error: NearbitsError): void {
    this.failures.push({ nodeId, code: error.code });
  }

  async #deliver(
    neighbour: ScriptedNeighbour,
    range: { start: number; end: number },
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<void> {
    const { failAfter } = neighbour;
    const fails = failAfter !== undefined && !this.#failed.has(neighbour.nodeId);
    const limit = fails ? range.start + failAfter.bytes : Number.POSITIVE_INFINITY;
    for (let at = range.start; at < range.end; at += CHUNK) {
      signal.throwIfAborted();
      if (fails && at >= limit) {
        this.#failed.add(neighbour.nodeId);
        throw new NearbitsError(failAfter.code, 'scripted failure', { details: { retryAfterMs: 50 } });
      }
      const chunk = Buffer.from((neighbour.forged ?? neighbour.content).subarray(at, Math.min(range.end, at + CHUNK)));
      if (neighbour.corrupt) chunk[0] = (chunk[0] as number) ^ 0xff;
      this.given.set(neighbour.nodeId, (this.given.get(neighbour.nodeId) ?? 0) + chunk.byteLength);
      await sink(chunk);
    }
  }
}

function answerBase(neighbour: ScriptedNeighbour) {
  return { nodeId: neighbour.nodeId, contentHost: '127.0.0.1', contentPort: 1, freeSlots: 3, elapsedMs: 1 };
}

function recordOf({ content, forged, version, holds }: ScriptedNeighbour): PeerRecord {
  const bytes = forged ?? content;
  const ranges = holds ?? RangeSet.of({ start: 0, end: bytes.length });
  const pieceSize = pieceSizeFor(version.size);
  const pieces = cutIntoPieces(ranges, pieceSize).map((piece) => ({
    ...piece,
    hash: createHash('sha256').update(bytes.subarray(piece.start, piece.end)).digest(),
  }));
  return { id: newRecordId(), version, ranges, pieceSize, pieces };
}
