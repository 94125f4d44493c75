import { expect, test } from 'vitest';
import { parseContentId } from '../../../../src/core/ids.ts';
import type { RawRequest } from '../../../../src/serve/content-request.ts';
import { findPieces, isPiecePath, readPieceRequest } from '../../../../src/serve/pieces/piece-request.ts';
import type { SharedPieces } from '../../../../src/serve/pieces/shared-pieces.ts';

const MIB = 1024 * 1024;
const contentId = parseContentId('0f'.repeat(32));
const path = `/pieces/${contentId}`;
const request = (changes: Partial<RawRequest> = {}): RawRequest => ({
  method: 'GET',
  url: path,
  httpVersion: '1.1',
  headers: { range: 'bytes=0-1048575' },
  ...changes,
});

test('asks for bytes of a content, or for its descriptor', () => {
  expect(readPieceRequest(request())).toEqual({ kind: 'pieces', contentId, range: { start: 0, end: MIB } });
  const descriptor = request({ url: `/descriptors/${contentId}`, headers: {} });
  expect(readPieceRequest(descriptor)).toEqual({ kind: 'descriptor', contentId });
});

test.each<[number, Partial<RawRequest>]>([
  [505, { httpVersion: '1.0' }],
  [404, { url: '/pieces/' }],
  [404, { url: `/pieces/${contentId}/` }],
  [404, { url: `/pieces/${contentId.toUpperCase()}` }],
  [404, { url: `/pieces/${contentId}?x` }],
  [404, { url: undefined }],
  [405, { method: 'HEAD' }],
  [405, { method: 'DELETE' }],
  [411, { method: 'POST' }],
  [400, { headers: { range: 'bytes=0-1', 'content-length': '1' } }],
  [400, { headers: { range: 'bytes=0-1', 'transfer-encoding': 'chunked' } }],
  [400, { headers: {} }],
  [400, { headers: { range: 'bytes=0-' } }],
  [400, { headers: { range: 'bytes=5-4' } }],
  [400, { headers: { range: 'bytes=0-1,5-6' } }],
  [400, { headers: { range: 'bytes=0-99999999999999999' } }],
])('%s for %j', (status, changes) => {
  expect(readPieceRequest(request(changes))).toMatchObject({ status });
});

test('other paths are none of its business', () => {
  expect([path, '/descriptors/x', '/content/x', '/piecesx', ''].map(isPiecePath)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('whole pieces that are all there are found, whatever else is asked for is not', () => {
  const missing = 2;
  const pieces = {
    size: 3 * MIB + 5,
    pieceSize: MIB,
    hashOf: (piece: number) => (piece === missing || piece > 3 ? null : new Uint8Array(32)),
  } as SharedPieces;
  expect(findPieces({ start: 0, end: 2 * MIB }, pieces)).toEqual({
    range: { start: 0, end: 2 * MIB },
    run: { first: 0, end: 2 },
  });
  expect(findPieces({ start: 3 * MIB, end: 3 * MIB + 5 }, pieces)).toMatchObject({ run: { first: 3, end: 4 } });
  for (const [start, end] of [
    [MIB, 3 * MIB],
    [0, MIB - 1],
    [3 * MIB, 4 * MIB],
  ] as const) {
    const headers = { 'Content-Range': `bytes */${3 * MIB + 5}` };
    expect(findPieces({ start, end }, pieces)).toMatchObject({ status: 416, headers });
  }
});
