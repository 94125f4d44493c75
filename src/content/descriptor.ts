import { createHash } from 'node:crypto';
import type { ByteRange } from '../core/byte-range.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import { HASH_BYTES, MAX_PIECES } from '../core/pieces.ts';

/** Who says that a descriptor is right. All but `holder` speak for the origin or for the user. */
export type Anchor =
  /** The digest that was given with the job. */
  | { readonly kind: 'job-digest' }
  /** The Metalink document (RFC 5854) that was given with the job: at `url`, or its text, which has none. */
  | { readonly kind: 'job-metalink'; readonly url: string | null }
  /** The digest that is part of the URL: OCI blobs, by-hash files of apt. */
  | { readonly kind: 'url-digest'; readonly url: string }
  /** The field Repr-Digest of the origin's answer (RFC 9530). */
  | { readonly kind: 'repr-digest'; readonly url: string }
  /** A Metalink document that the origin names (RFC 6249). */
  | { readonly kind: 'metalink'; readonly url: string }
  /** A neighbour that holds the file: only as good as its word. */
  | { readonly kind: 'holder'; readonly nodeId: NodeId };

/** The name of a kind of anchor. */
export type AnchorKind = Anchor['kind'];

/** Whether the user said so with the job, who alone knows what he wants. */
export function isGiven({ kind }: Anchor): boolean {
  return kind === 'job-digest' || kind === 'job-metalink';
}

/** What identifies the content of a file, apart from any URL. */
export interface Descriptor {
  /** Bytes of the whole file, 0 to 2^53 - 1. */
  readonly size: number;
  /** Bytes of each piece but the last, which may be shorter. */
  readonly pieceSize: number;
  /** SHA-256 of each piece of the file, in order; null when only the digest of the whole is known. */
  readonly pieces: readonly Uint8Array[] | null;
  /** SHA-256 of the whole file, or null when only the pieces are known. */
  readonly sha256: Uint8Array | null;
  readonly anchor: Anchor;
}

/** How many pieces a file of `size` bytes has; an empty file has none. */
export function pieceCount(size: number, pieceSize: number): number {
  return Math.ceil(size / pieceSize);
}

/** Where the piece at `index` of the list lies in the file; the last one may be shorter than the others. */
export function pieceRange({ size, pieceSize }: Pick<Descriptor, 'size' | 'pieceSize'>, index: number): ByteRange {
  const start = index * pieceSize;
  return { start, end: Math.min(size, start + pieceSize) };
}

/**
 * Returns the descriptor when everything in it fits together.
 * @throws NearbitsError E_INVALID_ARGUMENT for sizes out of range, more than 8,192 pieces, a list of another length than
 * the size asks for, digests that are not 32 bytes long, or a descriptor that describes nothing.
 */
export function checkDescriptor(descriptor: Descriptor): Descriptor {
  const { size, pieceSize, pieces, sha256 } = descriptor;
  checkGrid(size, pieceSize);
  if (pieces === null && sha256 === null) throw unfit('it has neither a digest nor pieces');
  if (pieces !== null && pieces.length !== pieceCount(size, pieceSize)) {
    throw unfit(`${pieces.length} pieces of ${pieceSize} bytes for ${size} bytes`);
  }
  if (pieces?.some((hash) => hash.length !== HASH_BYTES)) throw unfit('a piece hash that is no SHA-256');
  if (sha256 !== null && sha256.length !== HASH_BYTES) throw unfit('a digest that is no SHA-256');
  return descriptor;
}

/**
 * Checks a size and the grid it is cut by, before memory is taken for pieces.
 * @throws NearbitsError E_INVALID_ARGUMENT
 */
export function checkGrid(size: number, pieceSize: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw unfit('a size that no file has');
  if (!Number.isSafeInteger(pieceSize) || pieceSize < 1) throw unfit('a piece size that is no positive whole number');
  const count = pieceCount(size, pieceSize);
  if (count > MAX_PIECES) throw unfit(`${count} pieces; at most ${MAX_PIECES} are allowed`);
}

/** Whether each piece can be proven by itself as soon as it is there, by somebody who is more than a holder. */
export function provesPieces(
  descriptor: Descriptor,
): descriptor is Descriptor & { readonly pieces: readonly Uint8Array[] } {
  return descriptor.pieces !== null && descriptor.anchor.kind !== 'holder';
}

/** Whether two descriptors describe the same content; `unknown` when they have nothing in common that could be compared. */
export function compareDescriptors(a: Descriptor, b: Descriptor): 'same' | 'different' | 'unknown' {
  if (a.size !== b.size) return 'different';
  const whole = compareBytes(a.sha256, b.sha256);
  const pieces = comparePieces(a, b);
  if (whole === 'different' || pieces === 'different') return 'different';
  return whole === 'same' || pieces === 'same' ? 'same' : 'unknown';
}

/**
 * The name of a content by its descriptor, 32 bytes: the same for everybody who knows the same pieces, whoever told them.
 * With pieces the digest of the whole is left out, because not everybody who knows the pieces knows it.
 */
export function descriptorId({ size, pieceSize, pieces, sha256 }: Descriptor): Uint8Array {
  const hash = createHash('sha256').update('nearbits descriptor id v1\0');
  const head = Buffer.alloc(17);
  head.writeBigUInt64BE(BigInt(size), 0);
  head.writeBigUInt64BE(BigInt(pieces === null ? 0 : pieceSize), 8);
  head.writeUInt8(pieces === null ? 0 : 1, 16);
  hash.update(head);
  for (const digest of pieces ?? [sha256 ?? new Uint8Array()]) hash.update(digest);
  return hash.digest();
}

function compareBytes(a: Uint8Array | null, b: Uint8Array | null): 'same' | 'different' | 'unknown' {
  if (a === null || b === null) return 'unknown';
  return Buffer.compare(a, b) === 0 ? 'same' : 'different';
}

// Lists that are cut by different grids cannot be compared without the content.
function comparePieces(a: Descriptor, b: Descriptor): 'same' | 'different' | 'unknown' {
  if (a.pieces === null || b.pieces === null || a.pieceSize !== b.pieceSize || a.pieces.length !== b.pieces.length) {
    return 'unknown';
  }
  const others = b.pieces;
  const same = a.pieces.every((hash, index) => compareBytes(hash, others[index] ?? null) === 'same');
  return same ? 'same' : 'different';
}

function unfit(what: string): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `the descriptor does not fit together: ${what}`);
}
