import { z } from 'zod';
import type { DescribedContent } from '../../content/given-metalink.ts';
import { HASH_BYTES, MAX_PIECES } from '../../core/pieces.ts';

/** Base64 of so many bytes, in characters. */
const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/**
 * What a Metalink document says about one file, as it lies in the store: a document has up to 4 MiB, and this at most 352 KiB.
 * Kept apart from the job, which is written again and again while it runs.
 */
export const MetalinkRecord = z.strictObject({
  size: z.int().min(0).nullable(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  pieces: z
    .strictObject({
      pieceSize: z.int().min(1),
      /** Base64 of the SHA-256 of all pieces, one after the other. */
      hashes: z.base64().max(base64Length(MAX_PIECES * HASH_BYTES)),
    })
    .nullable(),
});
export type MetalinkRecord = z.output<typeof MetalinkRecord>;

/** The record of what a document says. */
export function writeMetalinkRecord({ size, sha256, pieces }: DescribedContent): MetalinkRecord {
  return {
    size,
    sha256: sha256 === null ? null : Buffer.from(sha256).toString('hex'),
    pieces:
      pieces === null ? null : { pieceSize: pieces.pieceSize, hashes: Buffer.concat(pieces.hashes).toString('base64') },
  };
}

/** What {@link writeMetalinkRecord} wrote. */
export function readMetalinkRecord({ size, sha256, pieces }: MetalinkRecord): DescribedContent {
  return {
    size,
    sha256: sha256 === null ? null : Buffer.from(sha256, 'hex'),
    pieces: pieces === null ? null : { pieceSize: pieces.pieceSize, hashes: cut(Buffer.from(pieces.hashes, 'base64')) },
  };
}

function cut(bytes: Buffer): Uint8Array[] {
  const count = Math.floor(bytes.length / HASH_BYTES);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
}
