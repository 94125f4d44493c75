import { describe, expect, it } from 'vitest';
import { readGivenMetalink } from '../../../src/content/given-metalink.ts';
import { MAX_PIECES } from '../../../src/core/pieces.ts';
import { errorOf } from '../../support/error-code.ts';

const URL_OF_FILE = 'https://example.org/dir/a.iso';
const HEX = 'ab'.repeat(32);
const HASH = `<hash type="sha-256">${HEX}</hash>`;
const pieces = (count: number, length = 3) =>
  `<pieces type="sha-256" length="${length}">${`<hash>${HEX}</hash>`.repeat(count)}</pieces>`;
const document = (...files: string[]) =>
  Buffer.from(`<metalink xmlns="urn:ietf:params:xml:ns:metalink">${files.join('')}</metalink>`);
const file = (name: string, inside: string) => `<file name="${name}">${inside}</file>`;

describe('a Metalink document that somebody gave', () => {
  it('says what the file must be', () => {
    const sha256 = Buffer.from(HEX, 'hex');
    const all = document(file('b.iso', ''), file('a.iso', `<size>5</size>${HASH}${pieces(2)}`));
    expect(readGivenMetalink(all, [URL_OF_FILE])).toEqual({
      size: 5,
      sha256,
      pieces: { pieceSize: 3, hashes: [sha256, sha256] },
    });
    const only = { size: null, sha256, pieces: null };
    expect(readGivenMetalink(document(file('another name', HASH)), [URL_OF_FILE])).toEqual(only);
  });

  it.each([
    ['names no file', document(), 'names no file'],
    ['names other files', document(file('x', HASH), file('y', HASH)), 'it names "x", "y"'],
    ['names too many to tell', document(...'tuvwxyz'.split('').map((name) => file(name, HASH))), '"x", ...'],
    ['holds no SHA-256', document(file('a.iso', '<hash type="md5">00</hash>')), 'nothing that "a.iso" could be'],
    ['has too many pieces', document(file('a.iso', pieces(MAX_PIECES + 1))), 'nothing that "a.iso" could be'],
    ['has pieces for another size', document(file('a.iso', `<size>9</size>${pieces(2)}`)), '2 pieces of 3 bytes for'],
    [
      'has a grid that no descriptor may have',
      document(file('a.iso', `<size>99999</size>${pieces(1, 1)}`)),
      '99999 pieces',
    ],
    ['is no such document', Buffer.from('sha256: 00'), 'XML'],
  ])('is refused when it %s', (_, bytes, message) => {
    const error = errorOf(() => readGivenMetalink(bytes, [URL_OF_FILE]));
    expect(error?.code).toBe('E_INVALID_ARGUMENT');
    expect(error?.message).toContain(message);
  });
});
