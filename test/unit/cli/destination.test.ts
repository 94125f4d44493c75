import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseDestination, fileNameOf } from '../../../src/cli/destination.ts';

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

describe('chooseDestination', () => {
  it('is absolute, from the working directory', () => {
    expect(chooseDestination('http://h/f', undefined, '/w')).toBe('/w/f');
    expect(chooseDestination('http://h/f', 'd/x', '/w')).toBe('/w/d/x');
    expect(chooseDestination('http://h/f', '/abs', '/w')).toBe('/abs');
  });
});
