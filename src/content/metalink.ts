import { NearbitsError } from '../core/errors.ts';
import { MAX_PIECES } from '../core/pieces.ts';
import type { PieceList } from './anchors.ts';
import { readXml, type XmlElement, type XmlHandler } from './xml-reader.ts';

/** The media type of Metalink documents (RFC 5854 section 7). */
export const METALINK_TYPE = 'application/metalink4+xml';
/** The namespace of their elements (RFC 5854 section 2.1). */
export const METALINK_NAMESPACE = 'urn:ietf:params:xml:ns:metalink';
/** Larger documents are not read, in bytes. */
export const MAX_METALINK_BYTES = 4 * 1024 * 1024;

/** What a Metalink document says about one file. */
export interface MetalinkFile {
  /** The name it gives the file; hostile, never a path. */
  readonly name: string;
  readonly size: number | null;
  readonly sha256: Uint8Array | null;
  /** Null also when the document lists more pieces than a descriptor may have. */
  readonly pieces: PieceList | null;
  /** Where it can be had, by the priority that the document gives them and else in its order. */
  readonly urls: readonly string[];
}

/** Documents with more files are refused. */
const MAX_FILES = 1024;
/** More URLs of a file are left out. */
const MAX_URLS = 64;
/** The priority of a URL without one, which is also the lowest (RFC 5854); 1 is the highest. */
const LOWEST_PRIORITY = 999_999;
/** No value that is read is longer, in characters. */
const MAX_VALUE_LENGTH = 4096;

/**
 * Reads a Metalink 4 document: names, sizes, SHA-256 digests, pieces and URLs. Digests of other kinds and elements that
 * are not known are skipped (RFC 5854 section 5.1).
 * @throws NearbitsError E_INVALID_ARGUMENT when it is no such document, is larger than 4 MiB, or is wrong in what is read.
 */
export function parseMetalink(bytes: Uint8Array): MetalinkFile[] {
  if (bytes.length > MAX_METALINK_BYTES) throw unfit(`it has more than ${MAX_METALINK_BYTES} bytes`);
  const reader = new MetalinkReader();
  readXml(bytes, reader);
  return reader.files.map((file) => ({ ...file, urls: byPriority(file.urls) }));
}

/**
 * The file of a document that belongs to one of `urls`: the one that names such a URL, the one whose name is the last part
 * of one, or the only one there is. Null when several could be meant or none.
 */
export function chooseMetalinkFile(files: readonly MetalinkFile[], urls: readonly string[]): MetalinkFile | null {
  const known = new Set(urls.map(normal));
  const names = new Set(urls.map(lastPart));
  const byUrl = files.filter((file) => file.urls.some((url) => known.has(normal(url))));
  const found = byUrl.length > 0 ? byUrl : files.filter(({ name }) => names.has(name));
  const candidates = found.length > 0 ? found : files;
  return candidates.length === 1 ? (candidates[0] as MetalinkFile) : null;
}

interface Draft {
  name: string;
  size: number | null;
  sha256: Uint8Array | null;
  pieces: { pieceSize: number; hashes: Uint8Array[] } | null;
  urls: { url: string; priority: number }[];
}

// One name for each level; elements of other namespaces get one that nothing asks for.
class MetalinkReader implements XmlHandler {
  readonly files: Draft[] = [];
  readonly #path: string[] = [];
  #value = '';
  #priority = LOWEST_PRIORITY;
  /** Whether the hashes that come are SHA-256. */
  #isSha256 = false;
  #inSha256Pieces = false;

  open({ namespace, name, attributes }: XmlElement): void {
    this.#path.push(namespace === METALINK_NAMESPACE ? name : '');
    this.#value = '';
    const path = this.#path.join('/');
    if (this.#path.length === 1 && path !== 'metalink') throw unfit('its root element is not metalink');
    if (path === 'metalink/file') this.#beginFile(attributes);
    if (path === 'metalink/file/hash') this.#isSha256 = attributes.get('type') === 'sha-256';
    if (path === 'metalink/file/pieces') this.#beginPieces(attributes);
    if (path === 'metalink/file/url') this.#priority = readPriority(attributes.get('priority'));
  }

  text(text: string): void {
    if (this.#value.length + text.length <= MAX_VALUE_LENGTH) this.#value += text;
    else if (LEAVES.has(this.#path.join('/'))) throw unfit('a value that is too long');
  }

  close(): void {
    const path = this.#path.join('/');
    const file = this.files.at(-1);
    if (file !== undefined && LEAVES.has(path)) this.#take(path, file, this.#value.trim());
    this.#path.pop();
    this.#value = '';
  }

  #beginFile(attributes: ReadonlyMap<string, string>): void {
    const name = attributes.get('name') ?? '';
    if (name === '' || name.length > MAX_VALUE_LENGTH) throw unfit('a file without a usable name');
    if (this.files.length === MAX_FILES) throw unfit(`more than ${MAX_FILES} files`);
    this.files.push({ name, size: null, sha256: null, pieces: null, urls: [] });
  }

  #beginPieces(attributes: ReadonlyMap<string, string>): void {
    this.#inSha256Pieces = attributes.get('type') === 'sha-256';
    if (!this.#inSha256Pieces) return;
    const file = this.files.at(-1) as Draft;
    if (file.pieces !== null) throw unfit('two lists of pieces');
    const pieceSize = wholeNumber(attributes.get('length') ?? '');
    if (pieceSize === 0) throw unfit('pieces without a length');
    file.pieces = { pieceSize, hashes: [] };
  }

  #take(path: string, file: Draft, value: string): void {
    switch (path) {
      case 'metalink/file/size':
        if (file.size !== null) throw unfit('two sizes of one file');
        file.size = wholeNumber(value);
        break;
      case 'metalink/file/hash':
        if (this.#isSha256) file.sha256 = onlyDigest(file.sha256, digest(value));
        break;
      case 'metalink/file/pieces/hash':
        // One more than allowed shows that there are too many; the rest takes no memory.
        if (this.#inSha256Pieces && (file.pieces?.hashes.length ?? 0) <= MAX_PIECES)
          file.pieces?.hashes.push(digest(value));
        break;
      case 'metalink/file/url':
        if (file.urls.length < MAX_URLS) file.urls.push({ url: value, priority: this.#priority });
        break;
      case 'metalink/file/pieces':
        if ((file.pieces?.hashes.length ?? 0) > MAX_PIECES) file.pieces = null;
        break;
    }
  }
}

const LEAVES: ReadonlySet<string> = new Set([
  'metalink/file/size',
  'metalink/file/hash',
  'metalink/file/pieces/hash',
  'metalink/file/pieces',
  'metalink/file/url',
]);

function wholeNumber(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw unfit('a size that is no number of bytes');
  return value;
}

// A mistake in it is no reason to do without the document.
function readPriority(text: string | undefined): number {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : LOWEST_PRIORITY;
}

function byPriority(urls: Draft['urls']): string[] {
  return urls.toSorted((a, b) => a.priority - b.priority).map(({ url }) => url);
}

function digest(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw unfit('a sha-256 hash that is none');
  return Buffer.from(text, 'hex');
}

function onlyDigest(before: Uint8Array | null, now: Uint8Array): Uint8Array {
  if (before !== null && Buffer.compare(before, now) !== 0) throw unfit('two sha-256 hashes of one file');
  return now;
}

function normal(url: string): string {
  const parsed = URL.parse(url.slice(0, MAX_VALUE_LENGTH));
  if (parsed === null) return url;
  parsed.hash = '';
  return parsed.href;
}

function lastPart(url: string): string {
  const part = URL.parse(url)?.pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a percent sign that encodes nothing
  }
}

function unfit(what: string): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `the Metalink document cannot be used: ${what}`);
}
