import { describe, expect, it } from 'vitest';
import { parseOriginUrl } from '../../../src/core/url.ts';

describe('origin URLs', () => {
  it('come out in normal form without a fragment', () => {
    expect(parseOriginUrl('HTTP://Example.COM:80/a/../b?c#d')).toBe('http://example.com/b?c');
  });

  it.each([
    'ftp://example.com/a',
    'file:///etc/passwd',
    'example.com/a',
    '/a',
    '',
    'http://',
    'javascript:alert(1)',
    'http://user:secret@example.com/a',
    'http://user@example.com/a',
    `http://example.com/${'a'.repeat(2200)}`,
    `http://example.com/${'ä'.repeat(800)}`,
  ])('are refused: %s', (text) => {
    expect(() => parseOriginUrl(text)).toThrow(expect.objectContaining({ code: 'E_INVALID_URL' }));
  });

  it('never repeat the password in the message', () => {
    expect(() => parseOriginUrl('http://user:secret@example.com/a')).toThrow(/^(?!.*secret)/);
  });
});
