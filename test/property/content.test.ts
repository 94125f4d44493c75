import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseMetalinkFile, parseMetalink } from '../../src/content/metalink.ts';
import { digestInUrl } from '../../src/content/url-digest.ts';
import { printMetalink } from '../../src/content/write-metalink.ts';
import { codeOf } from '../support/error-code.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

// Garbage that comes close: pieces of the grammar in any order, and plain noise.
const parts = [
  '<metalink xmlns="urn:ietf:params:xml:ns:metalink">',
  '</metalink>',
  '<file name="a">',
  '</file>',
  '<size>1</size>',
  '<hash type="sha-256">',
  '</hash>',
  '<pieces length="1" type="sha-256">',
  '</pieces>',
  '<url>http://a/</url>',
  'ab'.repeat(32),
  '<?xml version="1.0"?>',
  '<!DOCTYPE a>',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '&amp;',
  '&#x41;',
  '&',
  '<',
  '/>',
  '"',
  ' xmlns:p="u"',
  '<p:a',
];
const nearly = fc
  .array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...parts) }, fc.string({ unit: 'binary', maxLength: 5 })), {
    maxLength: 25,
  })
  .map((some) => Buffer.from(some.join('')));

test('whatever comes as a Metalink document, it is read or refused with an error of ours', () => {
  const opened = nearly.map((bytes) => Buffer.concat([Buffer.from(`${parts[0]}${parts[2]}`), bytes]));
  fc.assert(
    fc.property(fc.oneof(nearly, opened, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      expect([null, 'E_INVALID_ARGUMENT']).toContain(codeOf(() => parseMetalink(bytes)));
    }),
    { numRuns: 2000 },
  );
});

test('what is written about a file is what is read about it', () => {
  const file = fc.record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    size: fc.maxSafeNat(),
    sha256: digest,
    pieceSize: fc.integer({ min: 1, max: 2 ** 40 }),
    pieces: fc.array(digest, { minLength: 1, maxLength: 20 }),
    urls: fc.array(fc.webUrl({ withQueryParameters: true }), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(file, (described) => {
      const written = { text: '' };
      if (codeOf(() => Object.assign(written, { text: printMetalink(described, 'nearbits') })) !== null) return;
      const { pieceSize, pieces, ...rest } = described;
      const read = parseMetalink(Buffer.from(written.text));
      expect(read).toEqual([{ ...rest, pieces: { pieceSize, hashes: pieces } }]);
      expect(chooseMetalinkFile(read, ['http://other.example.org/x'])).toBe(read[0]);
    }),
  );
});

test('a URL that promises a digest holds it', () => {
  const url = fc.tuple(
    fc.constantFrom('/v2/a/blobs/sha256:', '/x/by-hash/SHA256/', '/v2/blobs/sha256:', '/by-hash/'),
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefg/%'), minLength: 60, maxLength: 66 }),
  );
  fc.assert(
    fc.property(url, ([path, rest]) => {
      const found = digestInUrl(`http://origin.example.org${path}${rest}`);
      if (found !== null) expect(Buffer.from(found).toString('hex')).toBe(rest);
    }),
  );
});

test('a hostile document of 1 MiB takes linear time', () => {
  const head = `${parts[0]}<file name="a">`;
  const filled = (unit: string) => Buffer.from(head + unit.repeat(Math.floor((2 ** 20 - head.length) / unit.length)));
  for (const unit of ['<a ', '<!--', '&amp', '<a/>', '<![CDATA[', '<x xmlns:q="u"/>', ' b="', '"'])
    expect(codeOf(() => parseMetalink(filled(unit)))).toBe('E_INVALID_ARGUMENT');
});
