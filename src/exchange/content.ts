import { createHash } from 'node:crypto';
import { type Descriptor, descriptorId, provesPieces } from '../content/descriptor.ts';
import type { FileVersion } from '../core/file-version.ts';
import { type ContentId, parseContentId } from '../core/ids.ts';

/** A file as those who fetch it together know it. */
export interface ExchangeContent {
  readonly id: ContentId;
  readonly url: string;
  readonly version: FileVersion;
  /** Bytes of each piece but the last. */
  readonly pieceSize: number;
  /** SHA-256 of each piece, by an anchor; null when single pieces cannot be proven before the whole file is. */
  readonly anchored: readonly Uint8Array[] | null;
}

/** Larger pieces, of files with more than 128 GiB, are left aside: some of them are held in memory at a time. */
const MAX_PIECE_BYTES = 16 * 1024 * 1024;

/** How a file is cut when nobody else says so: its own grid. */
export interface OwnGrid {
  readonly pieceSize: number;
}

/**
 * The content that a version of a URL stands for. All who know the same anchored pieces meet, whatever URL they have them
 * from; those who know none meet by URL and version. `byPieces` false leaves the pieces aside, where the origin cannot
 * deliver single ones.
 */
export function contentOf(
  file: { readonly url: string; readonly version: FileVersion; readonly descriptor: Descriptor | null },
  grid: OwnGrid,
  byPieces: boolean,
): ExchangeContent {
  const { url, version, descriptor } = file;
  const fits = descriptor !== null && descriptor.size === version.size && descriptor.pieceSize <= MAX_PIECE_BYTES;
  if (byPieces && fits && provesPieces(descriptor)) {
    const { pieceSize, pieces } = descriptor;
    return { id: idByPieces(descriptor), url, version, pieceSize, anchored: pieces };
  }
  return { id: idByVersion(url, version), url, version, pieceSize: grid.pieceSize, anchored: null };
}

/** The name of a content whose pieces are known. */
export function idByPieces(descriptor: Descriptor): ContentId {
  return parseContentId(Buffer.from(descriptorId(descriptor)).toString('hex'));
}

/** The name of a content of which only URL and version are known. */
export function idByVersion(url: string, { size, etag, lastModifiedMs }: FileVersion): ContentId {
  const hash = createHash('sha256').update('nearbits content id v1\0');
  // No URL holds a zero byte and each other part has its own form, so two lists of parts never read the same.
  for (const part of [url, size, lastModifiedMs ?? '', etag ?? '']) hash.update(`${part}\0`);
  return parseContentId(hash.digest('hex'));
}

/** Bytes of some pieces that follow each other. */
export function bytesOf(
  { first, end }: { readonly first: number; readonly end: number },
  { pieceSize, version }: Pick<ExchangeContent, 'pieceSize' | 'version'>,
): { start: number; end: number } {
  return { start: first * pieceSize, end: Math.min(end * pieceSize, version.size) };
}
