import { describe, expect, test } from 'vitest';
import type { CacheRecord } from '../../../src/cache/record.ts';
import { newRecordId } from '../../../src/core/ids.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import { answerRequest, readRequest } from '../../../src/serve/content-request.ts';

const id = newRecordId();
const url = `/content/${id}`;

function read(change: Partial<Parameters<typeof readRequest>[0]>) {
  return readRequest({ method: 'GET', url, httpVersion: '1.1', headers: {}, ...change });
}

describe('a request', () => {
  test.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=5-', { start: 5, end: null }],
    ['bytes=0-9007199254740990', { start: 0, end: Number.MAX_SAFE_INTEGER }],
  ])('with the range %s is read', (range, expected) => {
    expect(read({ headers: { range } })).toEqual({ id, head: false, range: expected });
  });

  test.each([
    'bytes=-5',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'bytes=0-9007199254740992',
    'bytes=99999999999999999999-',
    'items=0-1',
    'bytes=a-b',
    'bytes = 0-1',
    '',
  ])('with the range %j is refused with 400', (range) => {
    expect(read({ headers: { range } })).toMatchObject({ status: 400 });
  });

  test.each([
    ['HTTP/1.0', { httpVersion: '1.0' }, 505],
    ['an unknown path', { url: '/' }, 404],
    ['a path that climbs', { url: `/content/../${id}` }, 404],
    ['an id in upper case', { url: `/content/${id.toUpperCase().replace(/^[0-9]*/, 'A')}` }, 404],
    ['a query', { url: `${url}?a=b` }, 404],
    ['POST without a length', { method: 'POST' }, 411],
    ['POST with a length', { method: 'POST', headers: { 'content-length': '3' } }, 405],
    ['DELETE', { method: 'DELETE' }, 405],
    ['GET with a body', { headers: { 'content-length': '3' } }, 400],
    ['GET with chunks', { headers: { 'transfer-encoding': 'chunked' } }, 400],
  ])('with %s is refused', (_, change, status) => {
    expect(read(change)).toMatchObject({ status });
  });
});

describe('an answer', () => {
  const record: CacheRecord = {
    id,
    url: 'http://origin.test/file',
    version: { size: 1_000, lastModifiedMs: null, etag: null },
    ranges: RangeSet.of({ start: 100, end: 200 }, { start: 500, end: 1_000 }),
    pieceSize: 1024 * 1024,
    state: 'valid',
    sha256: null,
    createdMs: 0,
    lastAccessMs: 0,
    bytes: 600,
  };
  const ask = (start: number, end: number | null, from: CacheRecord | null = record) =>
    answerRequest({ id, head: false, range: { start, end } }, from);

  test('names range, size and length in offsets of the origin file', () => {
    expect(ask(100, 200)).toEqual({
      status: 206,
      range: { start: 100, end: 200 },
      headers: {
        'Content-Length': '100',
        'Content-Type': 'application/octet-stream',
        'Content-Range': 'bytes 100-199/1000',
      },
    });
  });

  test('ends where the file ends', () => {
    expect(ask(900, null)).toMatchObject({ status: 206, range: { start: 900, end: 1_000 } });
    expect(ask(900, 5_000)).toMatchObject({ status: 206, range: { start: 900, end: 1_000 } });
  });

  test.each([
    [99, 200],
    [100, 201],
    [150, 600],
    [1_000, 1_001],
    [1_000, null],
    [0, null],
  ])('for %s to %s, which is not all held, is 416 with the size', (start, end) => {
    expect(ask(start, end)).toMatchObject({ status: 416, headers: { 'Content-Range': 'bytes */1000' } });
  });

  test('is 404 for what is not there or not accepted yet', () => {
    expect(ask(100, 200, null)).toMatchObject({ status: 404 });
    expect(ask(100, 200, { ...record, state: 'unknown' })).toMatchObject({ status: 404 });
    expect(ask(100, 200, { ...record, state: 'invalid' })).toMatchObject({ status: 404 });
  });

  test('without a Range is 200 for a whole file only', () => {
    const whole = { ...record, ranges: RangeSet.of({ start: 0, end: 1_000 }) };
    const request = { id, head: false, range: null };
    expect(answerRequest(request, whole)).toMatchObject({ status: 200, headers: { 'Content-Length': '1000' } });
    expect(answerRequest(request, record)).toMatchObject({ status: 416 });
    const empty = { ...record, version: { ...record.version, size: 0 }, ranges: RangeSet.empty };
    expect(answerRequest(request, empty)).toMatchObject({ status: 200, headers: { 'Content-Length': '0' } });
  });
});
