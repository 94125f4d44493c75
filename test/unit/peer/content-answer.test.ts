import { expect, test } from 'vitest';
import { checkRange, parseAnswerHead } from '../../../src/peer/content-answer.ts';
import { testNodeId } from '../../support/node-ids.ts';

const asked = { nodeId: testNodeId(1), range: { start: 100, end: 200 }, size: 1_000 };

test('a head is read, names in lower case, spaces around values gone', () => {
  const head = parseAnswerHead('HTTP/1.1 206 Partial Content\r\nContent-Length:  100 \r\nX: a b');
  expect(head).toEqual({
    status: 206,
    headers: new Map([
      ['content-length', '100'],
      ['x', 'a b'],
    ]),
  });
  expect(parseAnswerHead('HTTP/1.1 404')?.status).toBe(404);
});

test.each([
  '',
  'HTTP/1.0 206 OK',
  'HTTP/2 206',
  'HTTP/1.1 020 OK',
  'HTTP/1.1 2066 OK',
  'HTTP/1.1 206 OK\r\nno colon',
  'HTTP/1.1 206 OK\r\nName : space before the colon',
  'HTTP/1.1 206 OK\r\n folded: line',
  'HTTP/1.1 206 OK\r\nA: 1\r\na: 2',
  'HTTP/1.1 206 OK\r\nA: \u0000',
  'HTTP/1.1 206 OK\nA: 1',
])('%j is no head', (text) => {
  expect(parseAnswerHead(text)).toBeNull();
});

function check(status: number, headers: Record<string, string> = {}) {
  return () => checkRange({ status, headers: new Map(Object.entries(headers)) }, asked);
}

const RIGHT = { 'content-range': 'bytes 100-199/1000', 'content-length': '100' };

test('exactly the asked range is accepted', () => {
  expect(check(206, RIGHT)).not.toThrow();
});

test.each([
  ['no range', { 'content-length': '100' }],
  ['another start', { ...RIGHT, 'content-range': 'bytes 99-199/1000' }],
  ['another end', { ...RIGHT, 'content-range': 'bytes 100-200/1000' }],
  ['another size', { ...RIGHT, 'content-range': 'bytes 100-199/1001' }],
  ['an unknown size', { ...RIGHT, 'content-range': 'bytes 100-199/*' }],
  ['no length', { 'content-range': RIGHT['content-range'] }],
  ['another length', { ...RIGHT, 'content-length': '101' }],
  ['chunks', { ...RIGHT, 'transfer-encoding': 'chunked' }],
])('an answer with %s breaks the protocol', (_, headers) => {
  expect(check(206, headers)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
});

test.each([
  [200, 'E_PEER_PROTOCOL'],
  [100, 'E_PEER_PROTOCOL'],
  [302, 'E_PEER_PROTOCOL'],
  [400, 'E_PEER_PROTOCOL'],
  [500, 'E_PEER_PROTOCOL'],
  [403, 'E_PEER_UNAUTHENTICATED'],
  [404, 'E_PEER_GONE'],
  [416, 'E_PEER_GONE'],
  [429, 'E_PEER_BUSY'],
  [503, 'E_PEER_BUSY'],
])('status %s means %s', (status, code) => {
  expect(check(status, RIGHT)).toThrow(expect.objectContaining({ code }));
});

test.each([
  [undefined, 5_000],
  ['3', 3_000],
  ['0', 0],
  ['86400', 60_000],
  ['9999999', 5_000],
  ['-1', 5_000],
  ['Fri, 31 Dec 2027 23:59:59 GMT', 5_000],
])('Retry-After %s waits %s ms', (text, retryAfterMs) => {
  const headers = text === undefined ? {} : { 'retry-after': text };
  expect(check(503, headers)).toThrow(expect.objectContaining({ details: expect.objectContaining({ retryAfterMs }) }));
});

test.each([
  ['60', 60],
  ['0', 10],
  ['86400000', 60_000],
  ['soon', 3_000],
  ['-1', 3_000],
])('Nearbits-Retry-After-Ms %s goes before Retry-After: %s ms', (text, retryAfterMs) => {
  const headers = { 'retry-after': '3', 'nearbits-retry-after-ms': text };
  expect(check(503, headers)).toThrow(expect.objectContaining({ details: expect.objectContaining({ retryAfterMs }) }));
});
