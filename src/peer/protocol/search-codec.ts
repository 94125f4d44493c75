import { create, toBinary } from '@bufbuild/protobuf';
import { type ByteRange, MAX_RANGES } from '../../core/byte-range.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { FileVersion } from '../../core/file-version.ts';
import { HASH_BYTES } from '../../core/pieces.ts';
import { RangeSet } from '../../core/range-set.ts';
import { MAX_URL_LENGTH } from '../../core/url.ts';
import {
  ByteRangeSchema,
  FileVersionSchema,
  type SearchRequest,
  SearchRequestSchema,
  type ByteRange as WireRange,
  type FileVersion as WireVersion,
} from '../../gen/nearbits/v1/search_pb.js';
import { MAX_INLINE_BYTES } from '../../plan/inline.ts';
import { MAX_RECORDS, type SearchQuery } from '../search-types.ts';
import { decodeMessage, MAX_REQUEST_BYTES, protocolError, readNumber } from './wire.ts';

/** Six fields of the request, four of the version, and three for each range. */
const MAX_PARTS = 10 + 3 * MAX_RANGES;

/**
 * Writes a search. More than 500 ranges are sent as fewer, wider ones: only the list of piece hashes depends on them.
 * @throws NearbitsError E_INVALID_ARGUMENT when it does not fit into 16 KiB, for example because of a huge ETag.
 */
export function encodeSearchRequest(query: SearchQuery): Uint8Array {
  const message = create(SearchRequestSchema, {
    url: query.url,
    ranges: query.ranges === null ? [] : writeRanges(atMost(MAX_RANGES, query.ranges)),
    sha256: query.sha256 ?? new Uint8Array(),
    maxRecords: query.maxRecords,
    maxInlineBytes: query.maxInlineBytes ?? 0,
  });
  if (query.version !== null) message.version = writeVersion(query.version);
  const bytes = toBinary(SearchRequestSchema, message);
  if (bytes.length > MAX_REQUEST_BYTES) {
    throw new NearbitsError('E_INVALID_ARGUMENT', `a search of ${bytes.length} bytes is too large`);
  }
  return bytes;
}

/** Reads a search. @throws NearbitsError E_PEER_PROTOCOL for everything that {@link encodeSearchRequest} does not write. */
export function decodeSearchRequest(bytes: Uint8Array): SearchQuery {
  const message: SearchRequest = decodeMessage(SearchRequestSchema, bytes, MAX_PARTS);
  const { url, sha256, maxRecords, maxInlineBytes } = message;
  if (url === '' || url.length > MAX_URL_LENGTH) throw protocolError('a search without a usable URL');
  if (sha256.length !== 0 && sha256.length !== HASH_BYTES) throw protocolError('a digest of a wrong length');
  return {
    url,
    version: message.version === undefined ? null : readVersion(message.version),
    ranges: message.ranges.length === 0 ? null : readRanges(message.ranges),
    sha256: sha256.length === 0 ? null : sha256,
    // Absent means one (BPCR 2.2.1.6).
    maxRecords: Math.min(Math.max(maxRecords, 1), MAX_RECORDS),
    maxInlineBytes: Math.min(maxInlineBytes, MAX_INLINE_BYTES),
  };
}

export function writeVersion({ size, lastModifiedMs, etag }: FileVersion): WireVersion {
  const message = create(FileVersionSchema, { size: BigInt(size) });
  if (lastModifiedMs !== null) message.lastModifiedMs = BigInt(lastModifiedMs);
  if (etag !== null) message.etag = etag;
  return message;
}

/** @throws NearbitsError E_PEER_PROTOCOL for numbers beyond 2^53 - 1. */
export function readVersion({ size, lastModifiedMs, etag }: WireVersion): FileVersion {
  return {
    size: readNumber(size),
    lastModifiedMs: lastModifiedMs === undefined ? null : readNumber(lastModifiedMs),
    etag: etag ?? null,
  };
}

export function writeRanges(ranges: RangeSet): WireRange[] {
  return ranges.ranges.map(({ start, end }) => create(ByteRangeSchema, { start: BigInt(start), end: BigInt(end) }));
}

/** @throws NearbitsError E_PEER_PROTOCOL for more than 500 ranges, empty ones, and numbers beyond 2^53 - 1. */
export function readRanges(wire: readonly WireRange[]): RangeSet {
  if (wire.length > MAX_RANGES) throw protocolError(`${wire.length} ranges`);
  const ranges = wire.map((range): ByteRange => ({ start: readNumber(range.start), end: readNumber(range.end) }));
  if (ranges.some(({ start, end }) => start >= end)) throw protocolError('an empty range');
  return RangeSet.of(...ranges);
}

// Closes the narrowest gaps, so that as little as possible is asked for in vain.
function atMost(count: number, set: RangeSet): RangeSet {
  const { ranges } = set;
  if (ranges.length <= count) return set;
  const gaps = ranges.slice(1).map(({ start }, index) => ({ start: (ranges[index] as ByteRange).end, end: start }));
  gaps.sort((a, b) => a.end - a.start - (b.end - b.start));
  return RangeSet.of(...ranges, ...gaps.slice(0, ranges.length - count));
}
