import { expect, test } from 'vitest';
import { parseContentRange, printRangeHeader } from '../../../src/origin/content-range.ts';
import { acceptEntityTag, isStrongEntityTag, matchEntityTags } from '../../../src/origin/entity-tag.ts';
import { listHeader, listMembers, parseByteCount, singleHeader } from '../../../src/origin/headers.ts';

test('a header that occurs once is read without its white space', () => {
  expect(singleHeader({ etag: ' "a" ' }, 'etag')).toBe('"a"');
  expect(singleHeader({}, 'etag')).toBeNull();
});

test('repeats of a single header count only while they agree', () => {
  expect(singleHeader({ 'content-length': ['5', '5'] }, 'content-length')).toBe('5');
  expect(singleHeader({ 'content-length': ['5', '6'] }, 'content-length')).toBeNull();
});

test('repeats of a list header are one list', () => {
  expect(listMembers(listHeader({ vary: ['Accept , ', '*'] }, 'vary'))).toEqual(['accept', '*']);
});

test.each([
  ['0', 0],
  ['9007199254740991', 9007199254740991],
  ['9007199254740992', null],
  ['99999999999999999', null],
  ['-1', null],
  ['1e3', null],
  ['', null],
  ['0x10', null],
  [null, null],
])('the byte count %j is %j', (text, value) => {
  expect(parseByteCount(text)).toBe(value);
});

test('a part is half-open inside and inclusive on the wire', () => {
  expect(parseContentRange('bytes 100-199/300')).toEqual({ kind: 'part', range: { start: 100, end: 200 }, total: 300 });
  expect(parseContentRange('bytes 0-0/*')).toEqual({ kind: 'part', range: { start: 0, end: 1 }, total: null });
  expect(printRangeHeader({ start: 100, end: 200 })).toBe('bytes=100-199');
});

test('an unsatisfied range names only the size', () => {
  expect(parseContentRange('bytes */0')).toEqual({ kind: 'unsatisfied', total: 0 });
});

test.each([
  'bytes 5-4/10',
  'bytes 0-10/10',
  'bytes */*',
  'bytes 0-9',
  'items 0-9/10',
  'bytes 0-9/10, bytes 20-29/30',
  'bytes -1-9/10',
  'bytes 0-9007199254740991/*',
  '',
])('the Content-Range %j is refused', (text) => {
  expect(parseContentRange(text)).toBeNull();
});

test('ETags are kept as sent, but for absurd ones', () => {
  expect(acceptEntityTag('W/"a b"')).toBeNull();
  expect(acceptEntityTag('W/"a"')).toBe('W/"a"');
  expect(acceptEntityTag('unquoted')).toBe('unquoted');
  expect(acceptEntityTag('""')).toBe('""');
  expect(acceptEntityTag(`"${'a'.repeat(600)}"`)).toBeNull();
});

test('only a well-formed strong ETag may stand in If-Range', () => {
  expect(isStrongEntityTag('"a"')).toBe(true);
  expect(isStrongEntityTag('W/"a"')).toBe(false);
  expect(isStrongEntityTag('unquoted')).toBe(false);
  expect(isStrongEntityTag(null)).toBe(false);
});

test('a weakened ETag still names the same content', () => {
  expect(matchEntityTags('"a"', 'W/"a"')).toBe(true);
  expect(matchEntityTags('"a"', '"b"')).toBe(false);
});
