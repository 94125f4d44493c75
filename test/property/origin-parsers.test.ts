import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseOriginUrl } from '../../src/core/url.ts';
import { cacheDirectives } from '../../src/origin/cache-control.ts';
import { parseContentRange, printRangeHeader } from '../../src/origin/content-range.ts';
import { parseDictionary } from '../../src/origin/dictionary.ts';
import { acceptEntityTag } from '../../src/origin/entity-tag.ts';
import { parseHttpDate, printHttpDate } from '../../src/origin/http-date.ts';
import { parseLinks } from '../../src/origin/link-header.ts';
import { readAnchors } from '../../src/origin/origin-anchors.ts';
import { readReprDigest } from '../../src/origin/repr-digest.ts';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../src/origin/retry-after.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 });

// Garbage that comes close: pieces of the grammar in any order, and plain noise.
const near = (...pieces: string[]) =>
  fc.oneof(
    fc
      .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })), { maxLength: 30 })
      .map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
  );

test('a Content-Range that is accepted is a range inside a safe size', () => {
  fc.assert(
    fc.property(near('bytes', ' ', '-', '/', '*', '0', '9', '9007199254740991', '18446744073709551616'), (text) => {
      const parsed = parseContentRange(text);
      if (parsed === null) return;
      if (parsed.kind === 'unsatisfied') expect(Number.isSafeInteger(parsed.total)).toBe(true);
      else {
        expect(parsed.range.start).toBeLessThan(parsed.range.end);
        expect(Number.isSafeInteger(parsed.range.end)).toBe(true);
        if (parsed.total !== null) expect(parsed.range.end).toBeLessThanOrEqual(parsed.total);
      }
    }),
  );
});

test('a range that is printed comes back from a faithful answer', () => {
  fc.assert(
    fc.property(offset, fc.nat({ max: 1_000_000 }), (start, extra) => {
      const range = { start, end: Math.min(start + 1 + extra, Number.MAX_SAFE_INTEGER) };
      const answer = `${printRangeHeader(range).replace('=', ' ')}/${range.end}`;
      expect(parseContentRange(answer)).toEqual({ kind: 'part', range, total: range.end });
    }),
  );
});

test('Retry-After is absent or within its bounds, whatever comes', () => {
  fc.assert(
    fc.property(near('1', '0', '-', '.', 'GMT', 'Sun, ', '06 Nov 2026 ', '08:49:37 ', 'e9', ' '), (text) => {
      const ms = parseRetryAfter(text, NOW_MS);
      if (ms === null) return;
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
    }),
  );
});

test('each second since 1970 survives printing and reading', () => {
  fc.assert(
    fc.property(fc.nat({ max: 253_402_300_799 }), (second) => {
      expect(parseHttpDate(printHttpDate(second * 1000), NOW_MS)).toBe(second * 1000);
    }),
  );
});

test('a directive cannot be hidden by garbage without quotes before it', () => {
  const garbage = near('a', '=', ';', ' ', '\\').map((text) => text.replaceAll('"', ''));
  fc.assert(
    fc.property(garbage, fc.constantFrom('private', 'no-store'), (before, name) => {
      expect(cacheDirectives(`${before}, ${name}`).has(name)).toBe(true);
      expect(cacheDirectives(`${before}, ${name.toUpperCase()}="x, y"`).has(name)).toBe(true);
    }),
  );
});

test('no Cache-Control makes the parser throw or stumble', () => {
  fc.assert(
    fc.property(near('"', '\\', ',', '=', 'private', ' '), (text) => {
      for (const name of cacheDirectives(text)) expect(name).toBe(name.trim().toLowerCase());
    }),
  );
});

test('a hostile Cache-Control of 16 KiB takes linear time', () => {
  const text = '"\\'.repeat(8192);
  expect(cacheDirectives(text.repeat(64)).size).toBe(1);
});

test('an ETag that is accepted has no white space or control characters', () => {
  fc.assert(
    fc.property(near('"', 'W/', 'a', ' ', '\n', '\u00ff'), (text) => {
      const etag = acceptEntityTag(text);
      if (etag !== null) expect(etag).toMatch(/^[\x21-\x7e\x80-\xff]+$/);
    }),
  );
});

test('whatever stands in Repr-Digest, it is 32 bytes or nothing', () => {
  fc.assert(
    fc.property(near('sha-256', '=', ':', ', ', ';p', `:${'A'.repeat(43)}=:`, '(', ')', '"', ' '), (text) => {
      const digest = readReprDigest({ 'repr-digest': text });
      if (digest !== null) expect(digest).toHaveLength(32);
    }),
  );
});

test('whatever a Link header says, the documents it names are few and have usable URLs', () => {
  const parts = [
    '<',
    '>',
    '; rel=describedby',
    '; type="application/metalink4+xml"',
    ', ',
    '"',
    '\\',
    'http://a/',
    '//[',
    ';',
  ];
  fc.assert(
    fc.property(near(...parts), (link) => {
      const { metalinks } = readAnchors({ link }, 'https://origin.example.org/file', []);
      expect(metalinks.length).toBeLessThanOrEqual(3);
      for (const url of metalinks) expect(parseOriginUrl(url)).toBe(url);
    }),
  );
});

test('hostile structured fields and links take linear time', () => {
  for (const unit of ['a=(', 'a=(b ', 'a;b=', ';  a', '"\\', ' ', '<', '<a>;', '<a>;b="', ':']) {
    parseDictionary(`a=${unit.repeat(8000 / unit.length)}`);
    parseLinks(unit.repeat(16_384 / unit.length));
  }
});
