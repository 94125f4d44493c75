import { NearbitsError } from '../core/errors.ts';
import { METALINK_NAMESPACE } from './metalink.ts';

/** What is written about a file. */
export interface DescribedFile {
  /** The name of the file, without folders. */
  readonly name: string;
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly pieceSize: number;
  /** SHA-256 of each piece; none for an empty file. */
  readonly pieces: readonly Uint8Array[];
  /** Where the file can be had; in this order of preference. */
  readonly urls: readonly string[];
}

/**
 * Writes a Metalink 4 document about one file (RFC 5854).
 * @throws NearbitsError E_INVALID_ARGUMENT when the name or a URL holds characters that XML cannot hold, or the name is a path.
 */
export function printMetalink(file: DescribedFile, generator: string): string {
  const { name, size, sha256, pieces, urls } = file;
  if (name === '' || name === '.' || name === '..' || /[/\\]/.test(name)) throw unfit('the name of the file is a path');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<metalink xmlns="${METALINK_NAMESPACE}">`,
    `  <generator>${escaped(generator)}</generator>`,
    `  <file name="${escaped(name)}">`,
    `    <size>${size}</size>`,
    `    <hash type="sha-256">${hex(sha256)}</hash>`,
    ...(pieces.length === 0 ? [] : pieceLines(file)),
    ...urls.map((url, index) => `    <url priority="${index + 1}">${escaped(url)}</url>`),
    '  </file>',
    '</metalink>',
    '',
  ].join('\n');
}

function pieceLines({ pieceSize, pieces }: DescribedFile): string[] {
  const hashes = pieces.map((hash) => `      <hash>${hex(hash)}</hash>`);
  return [`    <pieces type="sha-256" length="${pieceSize}">`, ...hashes, '    </pieces>'];
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);

// Line ends and tabs would come back as blanks from an attribute, and other control characters cannot stand in XML at all.
function escaped(text: string): string {
  if (/[^\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(text)) {
    throw unfit(`${JSON.stringify(text.slice(0, 80))} holds characters that XML cannot hold`);
  }
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPES.get(character) as string);
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}

function unfit(what: string): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `the file cannot be described: ${what}`);
}
