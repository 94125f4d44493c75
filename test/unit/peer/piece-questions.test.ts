import { describe, expect, test } from 'vitest';
import { parseContentId } from '../../../src/core/ids.ts';
import { MAX_ANSWER_HEAD_BYTES } from '../../../src/peer/content-answer.ts';
import { descriptorQuestion, joinReceipts, piecesQuestion, printReceipt } from '../../../src/peer/piece-questions.ts';
import { pieceRunOf } from '../../../src/peer/piece-range.ts';
import { MAX_REQUEST_PIECES } from '../../../src/plan/swarm/next-requests.ts';
import { testNodeId } from '../../support/node-ids.ts';

const MIB = 1024 * 1024;
const nodeId = testNodeId(1);
const contentId = parseContentId('ab'.repeat(32));
const printReceipts = (receipts: readonly Uint8Array[]) => joinReceipts(receipts.map(printReceipt));
const headers = (fields: Record<string, string>) => new Map(Object.entries(fields));

describe('the pieces of a request', () => {
  const SIZE = 10 * MIB + 5;
  const runOf = (start: number, end: number, pieceSize = MIB) =>
    pieceRunOf({ size: SIZE, pieceSize, range: { start, end } });

  test.each([
    [0, MIB, { first: 0, end: 1 }],
    [3 * MIB, 7 * MIB, { first: 3, end: 7 }],
    [10 * MIB, SIZE, { first: 10, end: 11 }],
    [7 * MIB, SIZE, { first: 7, end: 11 }],
  ])('from %s to %s are whole', (start, end, run) => {
    expect(runOf(start, end)).toEqual(run);
  });

  test.each([
    ['nothing', 0, 0],
    ['a part of a piece', 0, MIB - 1],
    ['what begins within a piece', 1, MIB],
    ['what lies beyond the end', 10 * MIB, 11 * MIB],
    ['what begins at the end', SIZE, SIZE],
    ['what ends before it begins', 2 * MIB, MIB],
    ['what lies before the file', -MIB, 0],
    ['what is no number', Number.NaN, MIB],
  ])('are not %s', (_, start, end) => {
    expect(runOf(start, end)).toBeNull();
  });

  test('may be one that is larger than 16 MiB, but not two, and at most 16 small ones', () => {
    const size = 40 * MIB;
    const large = (end: number) => pieceRunOf({ size, pieceSize: 20 * MIB, range: { start: 0, end } });
    expect(large(20 * MIB)).toEqual({ first: 0, end: 1 });
    expect(large(size)).toBeNull();
    expect(runOf(0, 16 * 1024, 1024)).toEqual({ first: 0, end: MAX_REQUEST_PIECES });
    expect(runOf(0, 17 * 1024, 1024)).toBeNull();
  });
});

describe('an answer with pieces', () => {
  const range = { start: 0, end: 2 * MIB };
  const right = { 'content-range': `bytes 0-${2 * MIB - 1}/${4 * MIB}`, 'content-length': `${2 * MIB}` };
  const receipts = [Buffer.alloc(139, 1), Buffer.alloc(256, 2)];

  function accept(receiptText: string | undefined, status = 206) {
    const taken: (readonly Uint8Array[])[] = [];
    const wish = { contentId, size: 4 * MIB, pieceSize: MIB, range };
    const question = piecesQuestion(nodeId, wish, (receipts) => void taken.push(receipts));
    expect(question.path).toBe(`/pieces/${contentId}`);
    const fields = receiptText === undefined ? right : { ...right, 'nearbits-receipts': receiptText };
    expect(question.accept({ status, headers: headers(fields) })).toEqual(range);
    return taken;
  }

  test('brings a receipt for each, in order', () => {
    expect(accept(printReceipts(receipts))).toEqual([receipts]);
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['too few', printReceipts(receipts.slice(1))],
    ['too many', printReceipts([...receipts, ...receipts])],
    ['too long ones', printReceipts([Buffer.alloc(139), Buffer.alloc(260)])],
    ['something else', 'AAAA, !!!!'],
    ['a gap', 'AAAA, , AAAA'],
  ])('and %s breaks the protocol', (_, text) => {
    expect(() => accept(text)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
  });

  test('without the pieces has no receipts that anybody takes', () => {
    expect(() => accept(printReceipts(receipts), 200)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
    expect(() => accept(printReceipts(receipts), 416)).toThrow(expect.objectContaining({ code: 'E_PEER_GONE' }));
  });

  test('fits the head that is read, with as many receipts as may come', () => {
    const most = printReceipts(Array.from({ length: MAX_REQUEST_PIECES }, () => Buffer.alloc(139)));
    expect(most.length).toBeLessThan(MAX_ANSWER_HEAD_BYTES - 512);
  });

  test('is not asked for with what no server gives', () => {
    const wish = { contentId, size: 4 * MIB, pieceSize: MIB, range: { start: 0, end: 5 } };
    expect(() => piecesQuestion(nodeId, wish, () => {})).toThrow(expect.objectContaining({ code: 'E_INVALID_RANGE' }));
  });
});

describe('an answer with a descriptor', () => {
  const accept = (status: number, fields: Record<string, string>) => () =>
    descriptorQuestion(nodeId, contentId).accept({ status, headers: headers(fields) });

  test('says how long it is, up to 272 KiB', () => {
    expect(accept(200, { 'content-length': '278528' })()).toEqual({ start: 0, end: 278_528 });
  });

  test.each([{}, { 'content-length': '0' }, { 'content-length': '278529' }, { 'content-length': '9999999' }])(
    '%j breaks the protocol',
    (fields) => {
      expect(accept(200, fields)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
    },
  );

  test('in chunks breaks the protocol; a 404 means that there is none', () => {
    const chunked = { 'content-length': '5', 'transfer-encoding': 'chunked' };
    expect(accept(200, chunked)).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
    expect(accept(206, { 'content-length': '5' })).toThrow(expect.objectContaining({ code: 'E_PEER_PROTOCOL' }));
    expect(accept(404, {})).toThrow(expect.objectContaining({ code: 'E_PEER_GONE' }));
  });
});
