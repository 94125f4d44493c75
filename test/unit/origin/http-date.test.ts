import { expect, test } from 'vitest';
import { parseHttpDate, printHttpDate } from '../../../src/origin/http-date.ts';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../../src/origin/retry-after.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
const RFC_EXAMPLE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

test.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
  'all three forms of RFC 9110 are read: %s',
  (text) => {
    expect(parseHttpDate(text, NOW_MS)).toBe(RFC_EXAMPLE_MS);
  },
);

test('a date is printed in the preferred form and read back', () => {
  expect(printHttpDate(RFC_EXAMPLE_MS + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
  expect(parseHttpDate(printHttpDate(NOW_MS), NOW_MS)).toBe(NOW_MS);
});

test('a year of two digits is never more than 50 years ahead', () => {
  expect(parseHttpDate('Monday, 01-Jan-76 00:00:00 GMT', NOW_MS)).toBe(Date.UTC(2076, 0, 1));
  expect(parseHttpDate('Monday, 01-Jan-77 00:00:00 GMT', NOW_MS)).toBe(Date.UTC(1977, 0, 1));
});

test.each([
  'Sun, 31 Feb 2026 00:00:00 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:49:37 +0100',
  'Wed, 31 Dec 1969 23:59:59 GMT',
  '1994-11-06T08:49:37Z',
  '0',
  '',
  null,
])('the date %j counts as absent', (text) => {
  expect(parseHttpDate(text, NOW_MS)).toBeNull();
});

test('Retry-After is read in seconds and as a date, and bounded', () => {
  expect(parseRetryAfter('120', NOW_MS)).toBe(120_000);
  expect(parseRetryAfter(printHttpDate(NOW_MS + 5000), NOW_MS)).toBe(5000);
  expect(parseRetryAfter(printHttpDate(NOW_MS - 5000), NOW_MS)).toBe(0);
  expect(parseRetryAfter('9'.repeat(400), NOW_MS)).toBe(MAX_RETRY_AFTER_MS);
  expect(parseRetryAfter('soon', NOW_MS)).toBeNull();
  expect(parseRetryAfter(null, NOW_MS)).toBeNull();
});
