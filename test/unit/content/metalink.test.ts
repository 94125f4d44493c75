import { describe, expect, it } from 'vitest';
import { chooseMetalinkFile, MAX_METALINK_BYTES, parseMetalink } from '../../../src/content/metalink.ts';
import { printMetalink } from '../../../src/content/write-metalink.ts';
import { MAX_PIECES } from '../../../src/core/pieces.ts';
import { codeOf } from '../../support/error-code.ts';

const HEX = 'ab'.repeat(32);
const document = (inside: string) =>
  Buffer.from(`<metalink xmlns="urn:ietf:params:xml:ns:metalink">${inside}</metalink>`);
const file = (inside: string) => document(`<file name="a.iso">${inside}</file>`);
const digest = (byte: number) => Buffer.alloc(32, byte);

describe('a Metalink document', () => {
  it('tells size, digest, pieces and URLs, and skips the rest', () => {
    const read = parseMetalink(
      Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<!-- RFC 5854 section 1.1, more or less -->
<m:metalink xmlns:m="urn:ietf:params:xml:ns:metalink" xmlns:x="urn:other">
  <m:published>2026-11-21T08:00:00Z</m:published>
  <m:file name="a.iso">
    <x:size>1</x:size>
    <m:identity>A</m:identity>
    <m:size> 5 </m:size>
    <m:hash type="md5">00</m:hash>
    <m:hash type="sha-256">${HEX.toUpperCase()}</m:hash>
    <m:pieces length="1" type="sha-1"><m:hash>00</m:hash></m:pieces>
    <m:pieces length="3" type="sha-256"><m:hash>${HEX}</m:hash><m:hash>${HEX}</m:hash></m:pieces>
    <m:url location="de" priority="1">http://example.org/a.iso?x=1&amp;y=2</m:url>
    <m:metaurl mediatype="torrent">http://example.org/a.torrent</m:metaurl>
  </m:file>
</m:metalink>`),
    );
    expect(read).toEqual([
      {
        name: 'a.iso',
        size: 5,
        sha256: Buffer.from(HEX, 'hex'),
        pieces: { pieceSize: 3, hashes: [Buffer.from(HEX, 'hex'), Buffer.from(HEX, 'hex')] },
        urls: ['http://example.org/a.iso?x=1&y=2'],
      },
    ]);
  });

  it('names its URLs by their priority, and those without a usable one last, in their order', () => {
    const url = (name: string, priority?: string) =>
      `<url${priority === undefined ? '' : ` priority="${priority}"`}>http://example.org/${name}</url>`;
    const all = [url('none'), url('second', '20'), url('bad', '-1'), url('first', '3'), url('also-second', '20')];
    const [read] = parseMetalink(file(all.join('')));
    const names = ['first', 'second', 'also-second', 'none', 'bad'];
    expect(read?.urls).toEqual(names.map((name) => `http://example.org/${name}`));
  });

  it('goes without its pieces when there are too many of them', () => {
    const pieces = `<hash>${HEX}</hash>`.repeat(MAX_PIECES + 1);
    const [read] = parseMetalink(
      file(`<pieces type="sha-256" length="1">${pieces}</pieces><hash type="sha-256">${HEX}</hash>`),
    );
    expect(read).toMatchObject({ pieces: null, sha256: Buffer.from(HEX, 'hex') });
  });

  it.each([
    ['another root', Buffer.from('<html xmlns="urn:ietf:params:xml:ns:metalink"/>')],
    ['another namespace', Buffer.from('<metalink xmlns="http://www.metalinker.org/"/>')],
    ['a file without a name', document('<file/>')],
    ['too many files', document('<file name="a"/>'.repeat(1025))],
    ['a size that is none', file('<size>-1</size>')],
    ['two sizes', file('<size>1</size><size>1</size>')],
    ['two digests', file(`<hash type="sha-256">${HEX}</hash><hash type="sha-256">${'cd'.repeat(32)}</hash>`)],
    ['a digest that is none', file('<hash type="sha-256">abcd</hash>')],
    ['pieces without a length', file('<pieces type="sha-256"/>')],
    ['pieces of no bytes', file('<pieces type="sha-256" length="0"/>')],
    ['two lists of pieces', file('<pieces type="sha-256" length="1"/><pieces type="sha-256" length="2"/>')],
    ['an endless value', file(`<url>${'x'.repeat(5000)}</url>`)],
    ['more bytes than are read', Buffer.alloc(MAX_METALINK_BYTES + 1, ' ')],
  ])('is refused with %s', (_, bytes) => {
    expect(codeOf(() => parseMetalink(bytes))).toBe('E_INVALID_ARGUMENT');
  });

  it('names the file that is meant by URL, by name, or because there is only one', () => {
    const files = parseMetalink(
      document(`<file name="a b.iso"><url>http://m.example.org/x</url></file><file name="c.iso"/>`),
    );
    const chosen = (...urls: string[]) => chooseMetalinkFile(files, urls)?.name ?? null;
    expect(chosen('http://m.example.org/x#y')).toBe('a b.iso');
    expect(chosen('http://other.example.org/dir/a%20b.iso?q')).toBe('a b.iso');
    expect(chosen('http://other.example.org/d.iso')).toBeNull();
    expect(chosen('http://other.example.org/%zz')).toBeNull();
    expect(chooseMetalinkFile(files.slice(1), ['http://other.example.org/d.iso'])?.name).toBe('c.iso');
  });
});

describe('a Metalink document that is written', () => {
  const described = {
    name: 'a & "b" <c>.iso',
    size: 5,
    sha256: digest(1),
    pieceSize: 3,
    pieces: [digest(2), digest(3)],
    urls: ['http://example.org/a?x=1&y=2', 'http://example.org/b'],
  };

  it('is read back as it was', () => {
    const { pieceSize, pieces, ...rest } = described;
    const read = parseMetalink(Buffer.from(printMetalink(described, 'nearbits/1')));
    expect(read).toEqual([{ ...rest, pieces: { pieceSize, hashes: pieces } }]);
  });

  it('has no list of pieces for an empty file', () => {
    const text = printMetalink({ ...described, size: 0, pieces: [] }, 'nearbits/1');
    expect(text).not.toContain('pieces');
    expect(parseMetalink(Buffer.from(text))[0]?.pieces).toBeNull();
  });

  it.each(['', '..', 'a/b', 'a\\b', 'a\u0000b', 'a\nb', 'a\ud800b'])('refuses the name %j', (name) => {
    expect(codeOf(() => printMetalink({ ...described, name }, 'nearbits/1'))).toBe('E_INVALID_ARGUMENT');
  });
});
