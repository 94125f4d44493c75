import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileNameIn, fileNameOf } from '../../../src/cli/destination.ts';

describe('fileNameOf', () => {
  it.each([
    ['http://h/a/b.iso', 'b.iso'],
    ['http://h/b%20c.iso?x=/y', 'b c.iso'],
    ['http://h/..%2f..%2fetc%2fpasswd', '_.._etc_passwd'],
    ['http://h/%2e%2e%2f', '_'],
    ['http://h/.bashrc', 'bashrc'],
    ['http://h/nul.txt', '_nul.txt'],
    ['http://h/a%00b', 'a_b'],
    ['http://h/100%', '100%'],
    ['http://h/C%3A%5Cx', 'C__x'],
  ])('%s becomes %s', (url, name) => expect(fileNameOf(url)).toBe(name));

  it.each(['http://h/', 'http://h', 'http://h/dir/', 'http://h/%20'])('%s names no file', (url) => {
    expect(() => fileNameOf(url)).toThrow(expect.objectContaining({ code: 'E_DESTINATION' }));
  });

  it('always gives one safe name, or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (last) => {
        let name: string;
        try {
          name = fileNameOf(`http://h/${encodeURIComponent(last.toWellFormed())}`);
        } catch {
          return;
        }
        expect([...name].every((letter) => letter >= ' ' && letter !== '/' && letter !== '\\')).toBe(true);
        expect(name === '' || name.startsWith('.')).toBe(false);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(201);
      }),
    );
  });

  it('keeps the ending of a long name', () => {
    expect(fileNameOf(`http://h/${'ä'.repeat(300)}.tar.gz`)).toMatch(/\.tar\.gz$/);
  });
});

describe('fileNameIn', () => {
  it.each([
    ['big.iso', 'big.iso'],
    ['a/b c.iso', 'b c.iso'],
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', '_.._boot.ini'],
    ['.bashrc', 'bashrc'],
    ['100%20', '100%20'],
  ])('%s becomes %s', (path, name) => expect(fileNameIn(path)).toBe(name));

  it.each(['', '..', 'a/'])('%j names no file', (path) => {
    expect(() => fileNameIn(path)).toThrow(expect.objectContaining({ code: 'E_DESTINATION' }));
  });
});
