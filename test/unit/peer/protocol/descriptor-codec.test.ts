import { generateKeyPairSync } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../../src/content/descriptor.ts';
import { MAX_PIECES, MIN_PIECE_BYTES } from '../../../../src/core/pieces.ts';
import { DescriptorStatementSchema, SignedDescriptorSchema } from '../../../../src/gen/nearbits/v1/descriptor_pb.js';
import { FileVersionSchema } from '../../../../src/gen/nearbits/v1/search_pb.js';
import { identityOf } from '../../../../src/peer/identity.ts';
import {
  MAX_DESCRIPTOR_BYTES,
  signDescriptor,
  verifySignedDescriptor,
} from '../../../../src/peer/protocol/descriptor-codec.ts';
import { signFor } from '../../../../src/peer/signature.ts';
import { codeOf } from '../../../support/error-code.ts';

const holder = identityOf(generateKeyPairSync('ed25519').privateKey);
const other = identityOf(generateKeyPairSync('ed25519').privateKey);
const digest = (byte: number) => new Uint8Array(32).fill(byte);
const URL_TEXT = 'https://example.org/file';
const version = { size: 2 * MIN_PIECE_BYTES + 1, lastModifiedMs: 1_700_000_000_000, etag: '"a"' };
const descriptor: Descriptor = {
  size: version.size,
  pieceSize: MIN_PIECE_BYTES,
  pieces: [digest(1), digest(2), digest(3)],
  sha256: digest(9),
  anchor: { kind: 'metalink', url: 'https://example.org/file.meta4' },
};
const signed = () => signDescriptor(descriptor, URL_TEXT, version, holder);
const refused = (bytes: Uint8Array) => codeOf(() => verifySignedDescriptor(bytes, holder.nodeId));

/** A statement with a right signature, whatever it says. */
function stated(fields: object, purpose: Parameters<typeof signFor>[0] = 'nearbits descriptor v1'): Uint8Array {
  const right = { url: URL_TEXT, pieceSize: 2n, pieceHashes: Buffer.alloc(64), sha256: digest(9) };
  const sized = create(FileVersionSchema, { size: 3n });
  const statement = toBinary(
    DescriptorStatementSchema,
    create(DescriptorStatementSchema, { ...right, version: sized, ...fields }),
  );
  const signature = signFor(purpose, statement, holder);
  return toBinary(SignedDescriptorSchema, create(SignedDescriptorSchema, { statement, signature }));
}

describe('a signed descriptor', () => {
  it('says what its holder said, with the holder as its anchor', () => {
    expect(verifySignedDescriptor(signed(), holder.nodeId)).toEqual({
      url: URL_TEXT,
      version,
      descriptor: { ...descriptor, anchor: { kind: 'holder', nodeId: holder.nodeId } },
      toldAnchor: 'metalink',
    });
  });

  it('tells no pieces from no list of pieces', () => {
    const empty = { ...version, size: 0 };
    const read = (pieces: Uint8Array[] | null) =>
      verifySignedDescriptor(signDescriptor({ ...descriptor, size: 0, pieces }, URL_TEXT, empty, holder), holder.nodeId)
        .descriptor.pieces;
    expect(read([])).toEqual([]);
    expect(read(null)).toBeNull();
  });

  it('fits into its limit with as many pieces as there may be', () => {
    const size = MAX_PIECES * MIN_PIECE_BYTES;
    const pieces = Array.from({ length: MAX_PIECES }, (_, index) => digest(index % 256));
    const bytes = signDescriptor({ ...descriptor, size, pieces }, 'u'.repeat(2200), { ...version, size }, holder);
    expect(verifySignedDescriptor(bytes, holder.nodeId).descriptor.pieces).toHaveLength(MAX_PIECES);
  });

  it('is not written for another size, without a URL, or beyond its limit', () => {
    const sign = (url: string, change: object) =>
      codeOf(() => signDescriptor(descriptor, url, { ...version, ...change }, holder));
    expect(sign(URL_TEXT, { size: 1 })).toBe('E_INVALID_ARGUMENT');
    expect(sign('', {})).toBe('E_INVALID_ARGUMENT');
    expect(sign(URL_TEXT, { etag: 'x'.repeat(MAX_DESCRIPTOR_BYTES) })).toBe('E_INVALID_ARGUMENT');
  });

  it('is refused under another name and with any bit changed', () => {
    expect(codeOf(() => verifySignedDescriptor(signed(), other.nodeId))).toBe('E_PEER_PROTOCOL');
    const bytes = signed();
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = (bytes[index] as number) ^ 1;
      expect(refused(bytes)).toBe('E_PEER_PROTOCOL');
      bytes[index] = (bytes[index] as number) ^ 1;
    }
  });

  it('is refused when it was signed for another purpose', () => {
    expect(refused(stated({}))).toBeNull();
    expect(refused(stated({}, 'nearbits piece receipt v1'))).toBe('E_PEER_PROTOCOL');
  });

  it.each([
    ['no URL', { url: '' }],
    ['a URL that is too long', { url: 'x'.repeat(2201) }],
    ['no version', { version: undefined }],
    ['no piece size', { pieceSize: 0n }],
    ['a piece size beyond 2^53', { pieceSize: 2n ** 60n }],
    [
      'more pieces than are allowed',
      { version: create(FileVersionSchema, { size: 2n ** 50n }), pieceHashes: undefined },
    ],
    ['a hash too few', { pieceHashes: Buffer.alloc(32) }],
    ['half a hash', { pieceHashes: Buffer.alloc(65) }],
    ['half a digest', { sha256: Buffer.alloc(16) }],
    ['nothing', { pieceHashes: undefined, sha256: new Uint8Array() }],
  ])('is refused with %s, although the signature is right', (_, fields) => {
    expect(refused(stated(fields))).toBe('E_PEER_PROTOCOL');
  });

  it('is as good as the word of its holder with an anchor that is not known yet', () => {
    expect(verifySignedDescriptor(stated({ anchor: 99 }), holder.nodeId).toldAnchor).toBe('holder');
  });
});
