import type { Cache } from '../cache/cache.ts';
import type { CacheRecord } from '../cache/record.ts';
import { NearbitsError } from '../core/errors.ts';
import { hasValidator } from '../core/file-version.ts';
import type { NodeId } from '../core/ids.ts';
import { MAX_PIECES, type Piece, piecesLength, piecesTouching } from '../core/pieces.ts';
import type { RangeSet } from '../core/range-set.ts';
import {
  MAX_RECORDS,
  type PeerRecord,
  plainAnswer,
  type SearchHandler,
  type SearchQuery,
  type WhenAnswered,
} from '../peer/search-types.ts';
import type { ContentServer } from './content-server.ts';

/** All hashes of one answer together: twice those of the largest file, 512 KiB of the 1 MiB that an answer may have. */
const MAX_ANSWER_PIECES = 2 * MAX_PIECES;

/** What searches are answered from. */
export interface SearchHandlerDeps {
  readonly cache: Pick<Cache, 'find' | 'pieces'>;
  readonly server: Pick<ContentServer, 'port' | 'freeSlots' | 'inline'>;
  /** Hears which records were found, with all their pieces: the asker may come back for them as for those of a swarm. */
  readonly told?: (record: CacheRecord, pieces: readonly Piece[]) => void;
}

/**
 * Answers searches of proven members with the valid records that hold any of the wanted bytes. A node without a free
 * slot answers too: the asker may have one already, and knows from `freeSlots` whom to prefer. The bytes of one small
 * record come with the answer when the asker allows it and the limits of the server do.
 */
export function createSearchHandler(deps: SearchHandlerDeps): SearchHandler {
  return async (query, from, whenAnswered) => {
    const named = await findRecords(deps, query);
    const records = await withInline(deps.server, named, query.maxInlineBytes ?? 0, from, whenAnswered);
    if (records.length === 0) return plainAnswer('not-found');
    const { server } = deps;
    return { status: 'found', records, contentPort: server.port, freeSlots: server.freeSlots(), retryAfterMs: 0 };
  };
}

/** For a node that serves nothing. */
export const refuseSearches: SearchHandler = async () => plainAnswer('not-found');

async function findRecords(deps: SearchHandlerDeps, query: SearchQuery): Promise<PeerRecord[]> {
  const { cache } = deps;
  const { url, version, sha256, maxRecords } = query;
  // A version that is only a size does not say which content is meant.
  if (sha256 === null && version !== null && !hasValidator(version)) return [];
  const digest = sha256 === null ? null : Buffer.from(sha256).toString('hex');
  const records: PeerRecord[] = [];
  let room = MAX_ANSWER_PIECES;
  for (const record of cache.find({ url, version, sha256: digest })) {
    if (records.length >= Math.min(maxRecords, MAX_RECORDS)) break;
    const found = await toPeerRecord(deps, record, query.ranges);
    if (found === null || found.pieces.length > room) continue;
    room -= found.pieces.length;
    records.push(found);
  }
  return records;
}

/** Adds the content of the first record that is small enough; a record that turns out to be damaged is left out. */
async function withInline(
  server: SearchHandlerDeps['server'],
  records: PeerRecord[],
  maxBytes: number,
  from: NodeId,
  whenAnswered: WhenAnswered,
): Promise<PeerRecord[]> {
  const small = records.find(({ pieces }) => piecesLength(pieces) <= maxBytes);
  if (small === undefined) return records;
  try {
    const content = await server.inline(from, small.id, small.pieces);
    if (content === null) return records;
    whenAnswered(content.done);
    return records.map((record) => (record === small ? { ...small, inline: content.bytes } : record));
  } catch (error) {
    if (error instanceof NearbitsError) return records.filter((record) => record !== small);
    throw error;
  }
}

/** What the asker needs of a record, or null when it is of no use to it. */
async function toPeerRecord(
  { cache, told }: SearchHandlerDeps,
  record: CacheRecord,
  wanted: RangeSet | null,
): Promise<PeerRecord | null> {
  const { id, version, ranges, pieceSize } = record;
  const useful = wanted === null ? ranges : ranges.intersect(wanted);
  if (useful.isEmpty) return null;
  try {
    const all = await cache.pieces(id);
    told?.(record, all);
    const pieces = piecesTouching(all, useful);
    return { id, version, ranges, pieceSize, pieces };
  } catch (error) {
    // Removed or found damaged meanwhile: then it is not offered.
    if (error instanceof NearbitsError) return null;
    throw error;
  }
}
