import { create, toBinary } from '@bufbuild/protobuf';
import { type ByteRange, MAX_RANGES } from '../../core/byte-range.ts';
import { parseRecordId, type RecordId } from '../../core/ids.ts';
import { cutIntoPieces, HASH_BYTES, MAX_PIECES, MIN_PIECE_BYTES, type Piece, piecesLength } from '../../core/pieces.ts';
import type { RangeSet } from '../../core/range-set.ts';
import {
  CacheRecordSchema,
  type PieceRun,
  PieceRunSchema,
  type SearchResponse,
  SearchResponseSchema,
  SearchStatus,
  type CacheRecord as WireRecord,
} from '../../gen/nearbits/v1/search_pb.js';
import { MAX_RECORDS, type PeerRecord, type SearchAnswer } from '../search-types.ts';
import { readRanges, readVersion, writeRanges, writeVersion } from './search-codec.ts';
import { decodeMessage, MAX_ANSWER_BYTES, protocolError, readNumber } from './wire.ts';

/** A record is cut into at most this many pieces: the grid's, and one more for each further range. */
const MAX_RECORD_PIECES = MAX_PIECES + MAX_RANGES;
/** Eleven fields of a record and its version, three for each range, three for each run; every other piece may be a run. */
const MAX_RECORD_PARTS = 11 + 3 * MAX_RANGES + 3 * (MAX_RECORD_PIECES / 2);
const MAX_PARTS = 5 + MAX_RECORDS * MAX_RECORD_PARTS;
/** A peer may ask for patience, but not for ever. */
const MAX_RETRY_AFTER_MS = 3_600_000;

const STATUS = {
  found: SearchStatus.FOUND,
  'not-found': SearchStatus.NOT_FOUND,
  busy: SearchStatus.BUSY,
  invalid: SearchStatus.INVALID,
  unauthenticated: SearchStatus.UNAUTHENTICATED,
} as const;

/** Writes an answer; records that would lift it over 1 MiB are left out, the last ones first, and so are inline bytes. */
export function encodeSearchAnswer(answer: SearchAnswer): Uint8Array {
  const records = answer.records.slice(0, MAX_RECORDS).map(writeRecord);
  const { contentPort, freeSlots, retryAfterMs } = answer;
  const base = { status: STATUS[answer.status], contentPort, freeSlots, retryAfterMs };
  for (;;) {
    const bytes = toBinary(SearchResponseSchema, create(SearchResponseSchema, { ...base, records }));
    if (bytes.length <= MAX_ANSWER_BYTES) return bytes;
    if (dropInline(records)) continue;
    records.pop();
    // An answer without records is not "found" any more; one record alone always fits.
    if (records.length === 0) base.status = SearchStatus.NOT_FOUND;
  }
}

/**
 * Reads an answer and checks that everything in it fits together: sizes, ranges, pieces, hashes, and that no more inline
 * bytes came than the question allowed. Whether the rest fits the question is for the asker to say, and whether inline
 * bytes match their hashes for whoever takes them.
 * @throws NearbitsError E_PEER_PROTOCOL
 */
export function decodeSearchAnswer(bytes: Uint8Array, maxInlineBytes = 0): SearchAnswer {
  const message: SearchResponse = decodeMessage(SearchResponseSchema, bytes, MAX_PARTS);
  const status = readStatus(message.status);
  if (message.records.length > MAX_RECORDS) throw protocolError('too many records');
  checkInline(message.records, maxInlineBytes);
  const records = message.records.map(readRecord);
  if (status === 'found' && records.length === 0) throw protocolError('it found something but showed nothing');
  if (status === 'found' && !isPort(message.contentPort)) throw protocolError('a content port that none can have');
  return {
    status,
    records: status === 'found' ? records : [],
    contentPort: message.contentPort,
    freeSlots: message.freeSlots,
    retryAfterMs: Math.min(message.retryAfterMs, MAX_RETRY_AFTER_MS),
  };
}

function readStatus(wire: SearchStatus): SearchAnswer['status'] {
  switch (wire) {
    case SearchStatus.FOUND:
      return 'found';
    case SearchStatus.NOT_FOUND:
      return 'not-found';
    case SearchStatus.BUSY:
      return 'busy';
    case SearchStatus.INVALID:
      return 'invalid';
    case SearchStatus.UNAUTHENTICATED:
      return 'unauthenticated';
    default:
      throw protocolError('a search status that is not known');
  }
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

/** Inline bytes come in one record at most, and not more of them than were allowed. */
function checkInline(records: readonly WireRecord[], maxInlineBytes: number): void {
  const inline = records.map((record) => record.inline.length).filter((length) => length > 0);
  if (inline.length > 1) throw protocolError('content in several records of one answer');
  if ((inline[0] ?? 0) > maxInlineBytes) throw protocolError(`${inline[0]} bytes of content with its answer`);
}

// The records are named all the same, and the bytes can be fetched.
function dropInline(records: readonly WireRecord[]): boolean {
  const given = records.find((record) => record.inline.length > 0);
  if (given !== undefined) given.inline = new Uint8Array();
  return given !== undefined;
}

function writeRecord(record: PeerRecord): WireRecord {
  return create(CacheRecordSchema, {
    id: Buffer.from(record.id.replaceAll('-', ''), 'hex'),
    version: writeVersion(record.version),
    ranges: writeRanges(record.ranges),
    pieceSize: BigInt(record.pieceSize),
    pieceHashes: Buffer.concat(record.pieces.map(({ hash }) => hash)),
    runs: runsOf(record),
    inline: record.inline ?? new Uint8Array(),
  });
}

// Which of all pieces of the record are listed, as runs of consecutive ones.
function runsOf(record: PeerRecord): PieceRun[] {
  const indexes = new Map(cutIntoPieces(record.ranges, record.pieceSize).map(({ start }, index) => [start, index]));
  const runs: PieceRun[] = [];
  for (const { start } of record.pieces) {
    const index = indexes.get(start) ?? 0;
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === index) last.count++;
    else runs.push(create(PieceRunSchema, { first: index, count: 1 }));
  }
  return runs;
}

function readRecord(wire: WireRecord): PeerRecord {
  if (wire.version === undefined) throw protocolError('a record without a version');
  const version = readVersion(wire.version);
  const pieceSize = readNumber(wire.pieceSize);
  checkGrid(version.size, pieceSize);
  const ranges = readRanges(wire.ranges);
  if ((ranges.ranges.at(-1)?.end ?? 0) > version.size) throw protocolError('a range beyond the end of the file');
  const pieces = readPieces(wire, ranges, pieceSize);
  return { id: readRecordId(wire.id), version, ranges, pieceSize, pieces, ...readInline(wire, pieces) };
}

// A copy: a view would keep the whole message in memory.
function readInline({ inline }: WireRecord, pieces: readonly Piece[]): { inline?: Uint8Array } {
  if (inline.length === 0) return {};
  if (inline.length !== piecesLength(pieces)) throw protocolError('content that does not fit the pieces');
  return { inline: Uint8Array.from(inline) };
}

// Before anything is cut along this grid: a small piece size and a large file would make billions of pieces.
function checkGrid(size: number, pieceSize: number): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(pieceSize));
  if (pieceSize < MIN_PIECE_BYTES || !isPowerOfTwo || size / pieceSize > MAX_PIECES) {
    throw protocolError(`pieces of ${pieceSize} bytes in a file of ${size} bytes`);
  }
}

function readRecordId(bytes: Uint8Array): RecordId {
  const hex = Buffer.from(bytes).toString('hex');
  const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(hex);
  if (parts === null) throw protocolError('a record id that is no UUID');
  return parseRecordId(parts.slice(1).join('-'));
}

function readPieces({ runs, pieceHashes }: WireRecord, ranges: RangeSet, pieceSize: number): Piece[] {
  const all = cutIntoPieces(ranges, pieceSize);
  const listed: ByteRange[] = [];
  let next = 0;
  for (const { first, count } of runs) {
    if (first < next || count === 0 || first + count > all.length)
      throw protocolError('a run of pieces that are not there');
    listed.push(...all.slice(first, first + count));
    next = first + count;
  }
  if (pieceHashes.length !== listed.length * HASH_BYTES) throw protocolError('hashes that do not fit the pieces');
  return listed.map((range, index) => ({
    ...range,
    hash: pieceHashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  }));
}
