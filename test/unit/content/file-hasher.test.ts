import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FileHasher } from '../../../src/content/file-hasher.ts';
import { codeOf } from '../../support/error-code.ts';

const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function hashed(bytes: Buffer, pieceSize: number, step: number) {
  const hasher = new FileHasher({ size: bytes.length, pieceSize });
  for (let start = 0; start < bytes.length; start += step) hasher.update(bytes.subarray(start, start + step));
  return hasher.end();
}

describe('the hasher of files', () => {
  it.each([1, 7, 256, 300, 1000])('gives the same digests for chunks of %i bytes', (step) => {
    const pieces = [0, 256, 512, 768].map((start) => sha256(BYTES.subarray(start, start + 256)));
    expect(hashed(BYTES, 256, step)).toEqual({ sha256: sha256(BYTES), pieces });
  });

  it('has no short piece where the size is a multiple, and none for nothing', () => {
    expect(hashed(BYTES, 500, 64).pieces).toHaveLength(2);
    expect(hashed(Buffer.alloc(0), 500, 64)).toEqual({ sha256: sha256(Buffer.alloc(0)), pieces: [] });
  });

  it('notices a file that grew or shrank', () => {
    const hasher = new FileHasher({ size: 3, pieceSize: 2 });
    hasher.update(Buffer.alloc(2));
    expect(codeOf(() => hasher.update(Buffer.alloc(2)))).toBe('E_IO');
    expect(codeOf(() => hasher.end())).toBe('E_IO');
  });

  it('refuses a grid of more than 8,192 pieces', () => {
    expect(codeOf(() => new FileHasher({ size: 8193, pieceSize: 1 }))).toBe('E_INVALID_ARGUMENT');
  });
});
