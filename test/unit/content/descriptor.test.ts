import { describe, expect, it } from 'vitest';
import {
  checkDescriptor,
  compareDescriptors,
  type Descriptor,
  descriptorId,
  provesPieces,
} from '../../../src/content/descriptor.ts';
import { MAX_PIECES, MIN_PIECE_BYTES } from '../../../src/core/pieces.ts';
import { codeOf } from '../../support/error-code.ts';

const digest = (byte: number) => new Uint8Array(32).fill(byte);

const described = (change: Partial<Descriptor> = {}): Descriptor => ({
  size: 5 * MIN_PIECE_BYTES - 1,
  pieceSize: 2 * MIN_PIECE_BYTES,
  pieces: [digest(1), digest(2), digest(3)],
  sha256: digest(9),
  anchor: { kind: 'metalink', url: 'https://example.org/a.meta4' },
  ...change,
});

describe('a descriptor', () => {
  it('fits together when its pieces cover the size', () => {
    expect(checkDescriptor(described())).toEqual(described());
    expect(checkDescriptor(described({ size: 0, pieces: [] })).pieces).toEqual([]);
    expect(checkDescriptor(described({ pieces: null })).pieces).toBeNull();
  });

  it.each([
    ['a piece too few', { pieces: [digest(1), digest(2)] }],
    ['a piece too many', { pieces: [1, 2, 3, 4].map(digest) }],
    ['a hash of 31 bytes', { pieces: [digest(1), digest(2), new Uint8Array(31)] }],
    ['a digest of 33 bytes', { sha256: new Uint8Array(33) }],
    ['nothing that it says', { pieces: null, sha256: null }],
    ['no piece size', { pieceSize: 0 }],
    ['half a byte', { pieceSize: 0.5 }],
    ['a size below zero', { size: -1 }],
    ['a size beyond 2^53', { size: 2 ** 53 }],
    ['more than 8,192 pieces', { size: MAX_PIECES + 1, pieceSize: 1, pieces: null }],
  ])('is refused with %s', (_, change) => {
    expect(codeOf(() => checkDescriptor(described(change)))).toBe('E_INVALID_ARGUMENT');
  });

  it('proves its pieces unless only a holder vouches for them', () => {
    expect(provesPieces(described())).toBe(true);
    expect(provesPieces(described({ pieces: null }))).toBe(false);
    expect(provesPieces(described({ anchor: { kind: 'holder', nodeId: 'x' as never } }))).toBe(false);
  });

  it('is compared by everything that both know', () => {
    expect(compareDescriptors(described(), described())).toBe('same');
    expect(compareDescriptors(described({ sha256: null }), described({ pieces: null }))).toBe('unknown');
    expect(compareDescriptors(described({ sha256: null }), described())).toBe('same');
    expect(compareDescriptors(described(), described({ size: 1, pieces: null }))).toBe('different');
    expect(compareDescriptors(described(), described({ sha256: digest(8) }))).toBe('different');
    expect(compareDescriptors(described(), described({ pieces: [digest(1), digest(2), digest(4)] }))).toBe('different');
  });

  it('has the same name for everybody who knows its pieces, and another for another content', () => {
    const names = [
      described(),
      described({ sha256: null }),
      described({ size: described().size - 1 }),
      described({ pieces: [digest(1), digest(2), digest(4)] }),
      described({ pieces: null }),
    ].map((descriptor) => Buffer.from(descriptorId(descriptor)).toString('hex'));
    expect(names[0]).toBe(names[1]);
    expect(new Set(names).size).toBe(4);
  });
});
