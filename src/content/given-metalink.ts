import { NearbitsError } from '../core/errors.ts';
import { MAX_PIECES } from '../core/pieces.ts';
import type { PieceList } from './anchors.ts';
import { checkGrid, pieceCount } from './descriptor.ts';
import { chooseMetalinkFile, type MetalinkFile, parseMetalink } from './metalink.ts';

/** What a Metalink document says about one file; a digest or pieces are there, or both. */
export interface DescribedContent {
  /** Bytes of the whole file, or null when the document does not tell. */
  readonly size: number | null;
  /** SHA-256 of the whole file, or null. */
  readonly sha256: Uint8Array | null;
  readonly pieces: PieceList | null;
}

/** No more names of files than a person reads. */
const MAX_TOLD = 5;

/**
 * Reads a Metalink document that somebody gave for the file at one of `urls`. Unlike a document that an origin names it has
 * to be of use, because the one who gave it relies on it.
 * @throws NearbitsError E_INVALID_ARGUMENT when it is no such document, does not name the file, or holds neither a SHA-256
 * nor a usable list of pieces.
 */
export function readGivenMetalink(bytes: Uint8Array, urls: readonly string[]): DescribedContent {
  const files = parseMetalink(bytes);
  const file = chooseMetalinkFile(files, urls);
  if (file === null) throw doesNotName(files);
  const { size, sha256, pieces } = file;
  if (sha256 === null && pieces === null) throw saysNothing(file);
  if (size !== null && pieces !== null) checkPieces(size, pieces);
  return { size, sha256, pieces };
}

function checkPieces(size: number, { pieceSize, hashes }: PieceList): void {
  checkGrid(size, pieceSize);
  if (hashes.length === pieceCount(size, pieceSize)) return;
  throw unfit(`it lists ${hashes.length} pieces of ${pieceSize} bytes for a file of ${size} bytes`);
}

function doesNotName(files: readonly MetalinkFile[]): NearbitsError {
  const names = files.slice(0, MAX_TOLD).map(({ name }) => JSON.stringify(name.slice(0, 80)));
  const told = names.length === 0 ? 'no file' : names.join(', ') + (files.length > names.length ? ', ...' : '');
  return unfit(`it does not say which of its files is meant: it names ${told}`, {
    hint: 'Its file must have the URL, or the name that ends the URL, or be the only one in it.',
  });
}

function saysNothing({ name }: MetalinkFile): NearbitsError {
  return unfit(`it holds nothing that ${JSON.stringify(name.slice(0, 80))} could be compared with`, {
    hint: `A hash of the type sha-256 is needed, or 1 to ${MAX_PIECES} pieces with hashes of that type.`,
  });
}

function unfit(what: string, options: { readonly hint?: string } = {}): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `the Metalink document cannot be used: ${what}`, options);
}
