import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NearbitsError } from '../../src/core/errors.ts';
import { parseRecordId } from '../../src/core/ids.ts';
import { cutIntoPieces, pieceSizeFor, piecesLength, piecesTouching } from '../../src/core/pieces.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { CacheRecordSchema, SearchRequestSchema, SearchResponseSchema } from '../../src/gen/nearbits/v1/search_pb.js';
import { decodeSearchAnswer, encodeSearchAnswer } from '../../src/peer/protocol/answer-codec.ts';
import { MessageAssembler } from '../../src/peer/protocol/frames.ts';
import { decodeChain, decodeReply, encodeChain, encodeReply } from '../../src/peer/protocol/membership-codec.ts';
import { decodeSearchRequest, encodeSearchRequest } from '../../src/peer/protocol/search-codec.ts';
import { MAX_ANSWER_BYTES } from '../../src/peer/protocol/wire.ts';
import type { PeerRecord, SearchAnswer, SearchQuery } from '../../src/peer/search-types.ts';
import { MAX_INLINE_BYTES } from '../../src/plan/inline.ts';

const decoders = [
  decodeChain,
  decodeReply,
  decodeSearchRequest,
  (bytes: Uint8Array) => decodeSearchAnswer(bytes),
  (bytes: Uint8Array) => decodeSearchAnswer(bytes, MAX_INLINE_BYTES),
];

/** Decodes hostile bytes: a value or E_PEER_PROTOCOL, anything else fails the property. */
function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof NearbitsError) || error.code !== 'E_PEER_PROTOCOL') throw error;
  }
}

const version = fc.record({
  // From one piece to a few hundred, and sometimes so large that pieces grow beyond 1 MiB.
  size: fc.oneof(fc.nat({ max: 2 ** 28 }), fc.constant(2 ** 40)).map((size) => size + 1),
  lastModifiedMs: fc.option(fc.nat({ max: 2 ** 45 })),
  etag: fc.option(fc.string({ maxLength: 80 })),
});

const rangesWithin = (size: number) =>
  fc
    .array(fc.tuple(fc.nat({ max: size - 1 }), fc.nat({ max: size - 1 })), { minLength: 1, maxLength: 20 })
    .map((pairs) => RangeSet.of(...pairs.map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) + 1 }))));

const query: fc.Arbitrary<SearchQuery> = fc.record({
  url: fc.string({ minLength: 1, maxLength: 500 }).map((path) => `http://origin/${path}`),
  version: fc.option(version),
  ranges: fc.option(rangesWithin(2 ** 40)),
  sha256: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
  maxRecords: fc.integer({ min: 1, max: 5 }),
  maxInlineBytes: fc.nat({ max: MAX_INLINE_BYTES }),
});

const record: fc.Arbitrary<PeerRecord> = version.chain((held) =>
  fc
    .record({ id: fc.uuid().map(parseRecordId), ranges: rangesWithin(held.size), wanted: rangesWithin(held.size) })
    .map((parts) => {
      const pieceSize = pieceSizeFor(held.size);
      const all = cutIntoPieces(parts.ranges, pieceSize).map((piece, index) => ({
        ...piece,
        hash: new Uint8Array(32).fill(index % 256),
      }));
      return {
        id: parts.id,
        version: held,
        ranges: parts.ranges,
        pieceSize,
        pieces: piecesTouching(all, parts.wanted),
      };
    }),
);

/** A record of a small file, or of parts of one, with its content. */
const inlineRecord: fc.Arbitrary<PeerRecord & { inline: Uint8Array }> = fc
  .integer({ min: 1, max: MAX_INLINE_BYTES })
  .chain((size) => fc.record({ size: fc.constant(size), ranges: rangesWithin(size), id: fc.uuid().map(parseRecordId) }))
  .map(({ size, ranges, id }) => {
    const pieceSize = pieceSizeFor(size);
    const pieces = cutIntoPieces(ranges, pieceSize).map((piece) => ({ ...piece, hash: new Uint8Array(32) }));
    const inline = new Uint8Array(piecesLength(pieces)).map((_, index) => index % 251);
    return { id, version: { size, lastModifiedMs: 1, etag: null }, ranges, pieceSize, pieces, inline };
  });

const answerOf = (...records: PeerRecord[]): SearchAnswer => ({
  status: 'found',
  records,
  contentPort: 1,
  freeSlots: 0,
  retryAfterMs: 0,
});

const protocolError = expect.objectContaining({ code: 'E_PEER_PROTOCOL' });

test('content that was asked for survives the wire', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 4 }), inlineRecord, (others, small) => {
      const read = decodeSearchAnswer(encodeSearchAnswer(answerOf(small, ...others)), small.inline.length);
      expect(Buffer.compare(read.records[0]?.inline as Uint8Array, small.inline)).toBe(0);
      expect(read.records.slice(1).every((other) => other.inline === undefined)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('content that was not asked for, too much of it, too little, or in two records breaks the protocol', () => {
  fc.assert(
    fc.property(inlineRecord, (small) => {
      const { length } = small.inline;
      const bytes = encodeSearchAnswer(answerOf(small));
      expect(() => decodeSearchAnswer(bytes)).toThrow(protocolError);
      expect(() => decodeSearchAnswer(bytes, length - 1)).toThrow(protocolError);
      const twice = encodeSearchAnswer(answerOf(small, small));
      expect(() => decodeSearchAnswer(twice, MAX_INLINE_BYTES)).toThrow(protocolError);
      for (const wrong of [new Uint8Array(length + 1), new Uint8Array(length - 1)]) {
        const other = encodeSearchAnswer(answerOf({ ...small, inline: wrong }));
        if (wrong.length > 0) expect(() => decodeSearchAnswer(other, 2 * MAX_INLINE_BYTES)).toThrow(protocolError);
      }
    }),
    { numRuns: 40 },
  );
});

test('content that would lift an answer over its limit is left out before any record is', () => {
  const size = 16_384;
  const held = { size, lastModifiedMs: 1, etag: 'x'.repeat(MAX_ANSWER_BYTES - size) };
  const ranges = RangeSet.of({ start: 0, end: size });
  const pieces = [{ start: 0, end: size, hash: new Uint8Array(32) }];
  const id = parseRecordId('00000000-0000-4000-8000-000000000000');
  const one = { id, version: held, ranges, pieceSize: pieceSizeFor(size), pieces, inline: new Uint8Array(size) };
  const read = decodeSearchAnswer(encodeSearchAnswer(answerOf(one)), MAX_INLINE_BYTES);
  expect(read.records).toHaveLength(1);
  expect(read.records[0]?.inline).toBeUndefined();
});

test('a search for more content than any answer may carry is one for the most', () => {
  const wish = toBinary(
    SearchRequestSchema,
    create(SearchRequestSchema, { url: 'http://o/', maxInlineBytes: 1 << 30 }),
  );
  expect(decodeSearchRequest(wish).maxInlineBytes).toBe(MAX_INLINE_BYTES);
});

test('searches survive the wire', () => {
  fc.assert(
    fc.property(query, (sent) => {
      const read = decodeSearchRequest(encodeSearchRequest(sent));
      const plain = ({ ranges, sha256, ...rest }: SearchQuery) => ({
        ...rest,
        ranges: ranges?.ranges ?? null,
        sha256: sha256 && [...sha256],
      });
      expect(plain(read)).toEqual(plain(sent));
    }),
  );
});

test('answers survive the wire', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
      const sent: SearchAnswer = { status: 'found', records, contentPort: 21781, freeSlots: 2, retryAfterMs: 0 };
      const bytes = encodeSearchAnswer(sent);
      expect(bytes.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
      const read = decodeSearchAnswer(bytes);
      const plain = (item: PeerRecord) => ({
        ...item,
        ranges: item.ranges.ranges,
        pieces: item.pieces.map((piece) => ({ ...piece, hash: Buffer.from(piece.hash).toString('hex') })),
      });
      expect(read.records.map(plain)).toEqual(records.slice(0, read.records.length).map(plain));
    }),
    { numRuns: 40 },
  );
});

test('chains survive the wire', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { minLength: 1, maxLength: 4 }), (chain) => {
      const plain = (ders: readonly Uint8Array[]) => ders.map((der) => [...der]);
      expect(plain(decodeChain(encodeChain(chain)))).toEqual(plain(chain));
      const reply = decodeReply(encodeReply({ status: 'accepted', chain }));
      expect(reply.status === 'accepted' && plain(reply.chain)).toEqual(plain(chain));
    }),
    { numRuns: 40 },
  );
});

test('random bytes never make a decoder throw anything but E_PEER_PROTOCOL', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      for (const decode of decoders) survives(decode, bytes);
    }),
    { numRuns: 1000 },
  );
});

test('changed and cut messages never make a decoder throw anything but E_PEER_PROTOCOL', () => {
  const message = fc.oneof(
    query.map(encodeSearchRequest),
    record.map((one) => encodeSearchAnswer(answerOf(one))),
    inlineRecord.map((one) => encodeSearchAnswer(answerOf(one))),
  );
  fc.assert(
    fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (bytes, at, value, cut) => {
      const copy = Uint8Array.from(bytes);
      copy[at % copy.length] = value;
      for (const decode of decoders) {
        survives(decode, copy);
        survives(decode, copy.subarray(0, cut % copy.length));
      }
    }),
    { numRuns: 500 },
  );
});

test('a small message cannot claim billions of pieces or a million records', () => {
  const claim = (record: object) =>
    toBinary(
      SearchResponseSchema,
      create(SearchResponseSchema, { status: 1, contentPort: 1, records: [create(CacheRecordSchema, record)] }),
    );
  const id = new Uint8Array(16);
  const hostile = [
    claim({
      id,
      version: { size: 2n ** 53n - 1n },
      ranges: [{ start: 0n, end: 2n ** 53n - 1n }],
      pieceSize: 2n ** 20n,
    }),
    claim({ id, version: { size: 2n ** 53n - 1n }, ranges: [{ start: 0n, end: 2n ** 53n - 1n }], pieceSize: 0n }),
    claim({ id, version: { size: 2n ** 64n - 1n }, ranges: [], pieceSize: 2n ** 63n }),
    claim({
      id,
      version: { size: 10n },
      ranges: [{ start: 0n, end: 10n }],
      pieceSize: 2n ** 20n,
      runs: Array(2).fill({ first: 0, count: 1 }),
      pieceHashes: new Uint8Array(64),
    }),
    claim({
      id,
      version: { size: 10n },
      ranges: [{ start: 0n, end: 10n }],
      pieceSize: 2n ** 20n,
      runs: [{ first: 0, count: 2 ** 32 - 1 }],
    }),
    claim({ id: new Uint8Array(15), version: { size: 10n }, ranges: [], pieceSize: 2n ** 20n }),
    // Field 2 (a record) without content, half a million times.
    new Uint8Array(2 ** 20).map((_, index) => (index % 2 === 0 ? 0x12 : 0)),
  ];
  for (const bytes of hostile) {
    expect(() => decodeSearchAnswer(bytes)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
  }
  const manyRanges = new Uint8Array(16_384).map((_, index) => (index % 2 === 0 ? 0x1a : 0));
  expect(() => decodeSearchRequest(manyRanges)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
});

test('a search with more ranges than the wire allows asks for all of them all the same', () => {
  const ranges = RangeSet.of(
    ...Array.from({ length: 2000 }, (_, index) => ({ start: index * 100, end: index * 100 + 1 + (index % 50) })),
  );
  const sent: SearchQuery = { url: 'http://o/', version: null, ranges, sha256: null, maxRecords: 1 };
  const read = decodeSearchRequest(encodeSearchRequest(sent));
  expect(read.ranges?.ranges.length).toBeLessThanOrEqual(500);
  expect(read.ranges?.coversAll(ranges)).toBe(true);
});

test('a search that cannot fit is the own fault of the asker, and integers beyond 2^53 - 1 are the fault of the peer', () => {
  const huge = { size: 1, lastModifiedMs: null, etag: 'x'.repeat(20_000) };
  const sent: SearchQuery = { url: 'http://o/', version: huge, ranges: null, sha256: null, maxRecords: 1 };
  expect(() => encodeSearchRequest(sent)).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
  const unsafe = create(SearchRequestSchema, { url: 'http://o/', version: { size: 2n ** 53n } });
  expect(() => decodeSearchRequest(toBinary(SearchRequestSchema, unsafe))).toThrow(
    expect.objectContaining({ code: 'E_PEER_PROTOCOL' }),
  );
});

test('messages are put together from any chunks, and never beyond their limit', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5000 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
      (message, sizes) => {
        const length = message.length;
        const prefix = length < 128 ? [length] : [(length % 128) | 0x80, Math.floor(length / 128)];
        const bytes = Uint8Array.of(...prefix, ...message);
        const assembler = new MessageAssembler(5000);
        let result: Uint8Array | null = null;
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          result = assembler.add(bytes.subarray(at, at + size));
          at += size;
        }
        expect(result && [...result]).toEqual([...message]);
      },
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => {
      survives((chunk) => new MessageAssembler(100).add(chunk), bytes);
    }),
  );
  expect(() => new MessageAssembler(100).add(Uint8Array.of(101))).toThrow(
    expect.objectContaining({ code: 'E_PEER_PROTOCOL' }),
  );
  expect(() => new MessageAssembler(100).add(Uint8Array.of(1, 65, 66))).toThrow(/follow/);
});
