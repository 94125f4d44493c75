import { describe, expect, it } from 'vitest';
import { MAX_DICTIONARY_LENGTH, parseDictionary } from '../../../src/origin/dictionary.ts';
import { MAX_LINKS, parseLinks } from '../../../src/origin/link-header.ts';
import { readAnchors } from '../../../src/origin/origin-anchors.ts';
import { readReprDigest, wantReprDigest } from '../../../src/origin/repr-digest.ts';

const BASE64 = `${'A'.repeat(42)}E=`;
const DIGEST = Buffer.from(BASE64, 'base64');
const METALINK = 'rel=describedby; type="application/metalink4+xml"';

describe('a dictionary of structured fields', () => {
  it.each([
    ['', []],
    ['a', [['a', '']]],
    [
      'a=1, b=1.5;p;q="x" ,\tc=:AA==:',
      [
        ['a', '1'],
        ['b', '1.5'],
        ['c', ':AA==:'],
      ],
    ],
    [
      'a=(1 "b" c;p=?0);q, b=tok/en:*',
      [
        ['a', ''],
        ['b', 'tok/en:*'],
      ],
    ],
    ['a=?1, a="x\\"\\\\"', [['a', '"x\\"\\\\"']]],
    ['*k-_.=@1659578233', [['*k-_.', '@1659578233']]],
    ['a=%"f%c3%bc"', [['a', '%"f%c3%bc"']]],
  ])('reads %j', (text, members) => {
    expect([...(parseDictionary(text) ?? [['refused']])]).toEqual(members);
  });

  it.each([
    'A=1',
    'a=',
    'a=1,',
    ',a=1',
    'a=1 b=2',
    'a=:AA',
    'a="x',
    'a=(1',
    'a=1;',
    'a=1.',
    'a="\u00e4"',
    '=1',
    'a==1',
  ])('refuses %j', (text) => {
    expect(parseDictionary(text)).toBeNull();
  });

  it('is not read beyond 8 KiB', () => {
    expect(parseDictionary(`a=1${', a=1'.repeat(MAX_DICTIONARY_LENGTH / 5)}`)).toBeNull();
  });
});

describe('Repr-Digest', () => {
  it.each([
    `sha-256=:${BASE64}:`,
    `md5=:AAAA:, sha-256=:${BASE64}:;p=1, sha-512=:AAAA:`,
    `sha-256=:AAAA:, sha-256=:${BASE64}:`,
    [`sha-512=:AAAA:`, `sha-256=:${BASE64}:`],
    `sha-256=:${BASE64.replace('=', '')}:`,
  ])('tells the digest of the whole file: %j', (value) => {
    expect(readReprDigest({ 'repr-digest': value })).toEqual(DIGEST);
  });

  it.each([
    {},
    { 'content-digest': `sha-256=:${BASE64}:` },
    { digest: `sha-256=${BASE64}` },
    { 'repr-digest': `sha-512=:${BASE64}:` },
    { 'repr-digest': 'sha-256=:AAAA:' },
    { 'repr-digest': `sha-256=:${'A'.repeat(43)}B:` },
    { 'repr-digest': `sha-256=:${'A'.repeat(42)}F=:` },
    { 'repr-digest': `sha-256="${BASE64}"` },
    { 'repr-digest': `sha-256=:${BASE64}:, broken=` },
  ])('is not there in %j', (headers) => {
    expect(readReprDigest(headers)).toBeNull();
  });

  it('is asked for unless the job asks for something itself', () => {
    expect(wantReprDigest({})).toEqual({ 'want-repr-digest': 'sha-256=10' });
    expect(wantReprDigest({ 'want-repr-digest': 'sha-512=1' })).toEqual({});
  });
});

describe('a Link header', () => {
  const read = (text: string) => parseLinks(text).map(({ target, params }) => [target, Object.fromEntries(params)]);

  it.each([
    ['<a>', [['a', {}]]],
    [
      '<a>; rel=b, <c,d>; rel="e f";title="x, <y>; \\"z\\""',
      [
        ['a', { rel: 'b' }],
        ['c,d', { rel: 'e f', title: 'x, <y>; "z"' }],
      ],
    ],
    ['< a > ;REL = first ; rel=second;flag;;x=y', [['a', { rel: 'first', flag: '', x: 'y' }]]],
    ['garbage "<b>; rel=c", <d>; rel=e', [['d', { rel: 'e' }]]],
    ['<a>; rel="open, <b>; rel=c', [['a', { rel: '' }]]],
    ['<a', []],
  ])('reads %j', (text, links) => {
    expect(read(text)).toEqual(links);
  });

  it('is bounded', () => {
    expect(read('<a>,'.repeat(1000))).toHaveLength(MAX_LINKS);
  });
});

describe('what an origin says about a file', () => {
  const metalinks = (link: string, onTheWay: string[] = []) =>
    readAnchors({ link }, 'https://example.org/dir/file', onTheWay).metalinks;

  it('names Metalink documents by absolute URLs, those of redirects first', () => {
    expect(metalinks(`<file.meta4>; ${METALINK}`)).toEqual(['https://example.org/dir/file.meta4']);
    expect(metalinks(`</m#x>; rel="duplicate DescribedBy"; type=application/metalink4+xml`)).toEqual([
      'https://example.org/m',
    ]);
    const first = 'http://redirector.example.org/m';
    expect(metalinks(`<a>; ${METALINK}, <${first}>; ${METALINK}`, [first])).toEqual([
      first,
      'https://example.org/dir/a',
    ]);
  });

  it.each([
    '<a>; rel=describedby; type="application/xml"',
    '<a>; rel=describedby',
    '<a>; rel=duplicate; type="application/metalink4+xml"',
    `<a>; ${METALINK}; anchor="/other"`,
    `<ftp://example.org/a>; ${METALINK}`,
    `<https://user:password@example.org/a>; ${METALINK}`,
    `<http://[>; ${METALINK}`,
  ])('names none with %s', (link) => {
    expect(metalinks(link)).toEqual([]);
  });

  it('names three documents at most', () => {
    expect(metalinks(['a', 'b', 'c', 'd'].map((name) => `<${name}>; ${METALINK}`).join())).toHaveLength(3);
  });
});
