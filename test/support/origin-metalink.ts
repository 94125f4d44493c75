import { FileHasher } from '../../src/content/file-hasher.ts';
import { METALINK_TYPE } from '../../src/content/metalink.ts';
import { printMetalink } from '../../src/content/write-metalink.ts';
import { pieceSizeFor } from '../../src/core/pieces.ts';
import type { PseudoRandomFile } from './pseudo-random-file.ts';

const BLOCK = 1024 * 1024;
const KEPT = 100;
const documents = new Map<string, Buffer>();

/** The field by which the origin says where the description of a file lies (RFC 6249 section 3). */
export function linkTo(path: string): string {
  return `<${path}>; rel=describedby; type="${METALINK_TYPE}"`;
}

/**
 * The Metalink document of a file with the digests of its pieces, which are cut as nearbits does unless told otherwise;
 * computed once, which takes half a second for each GiB.
 */
export function metalinkOf(file: PseudoRandomFile, pieceSize = pieceSizeFor(file.size)): Buffer {
  const key = `${file.size} ${file.seed} ${pieceSize}`;
  const document = documents.get(key) ?? describe(file, pieceSize);
  if (documents.size < KEPT) documents.set(key, document);
  return document;
}

function describe(file: PseudoRandomFile, pieceSize: number): Buffer {
  const { size } = file;
  const hasher = new FileHasher({ size, pieceSize });
  for (let at = 0; at < size; at += BLOCK) hasher.update(file.read(at, Math.min(size, at + BLOCK)));
  return Buffer.from(printMetalink({ name: 'file.bin', size, pieceSize, ...hasher.end(), urls: [] }, 'test origin'));
}
