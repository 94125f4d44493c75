import { basename } from 'node:path';
import { NearbitsError } from '../core/errors.ts';

/** Most file systems take 255 bytes; the part file beside it needs some for its ending. */
const MAX_NAME_BYTES = 200;

/**
 * A safe file name from the last part of the path of a URL.
 * @throws NearbitsError E_DESTINATION when nothing is left of it.
 */
export function fileNameOf(url: string): string {
  return safeName(decode(lastPart(URL.parse(url)?.pathname ?? '')));
}

/**
 * A safe file name from the name that a document gives a file, which may be a path.
 * @throws NearbitsError E_DESTINATION when nothing is left of it.
 */
export function fileNameIn(path: string): string {
  return safeName(lastPart(path));
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

// No separators, no control characters, no name that Windows keeps for devices, nothing hidden.
function safeName(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly what is to go
  const name = basename(text.replaceAll(/[\u0000-\u001f\u007f<>:"/\\|?*]/g, '_'))
    .replace(/^[.\s]+/, '')
    .replace(/[.\s]+$/, '');
  const safe = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name) ? `_${name}` : name;
  if (safe !== '') return shorten(safe);
  throw new NearbitsError('E_DESTINATION', 'nothing names the file to write', { hint: 'Name one with -o FILE.' });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign belongs to the name
  }
}

/** Keeps the ending, which tells what the file is. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const ending = /\.[A-Za-z0-9.]{1,16}$/.exec(name)?.[0] ?? '';
  let stem = name.slice(0, name.length - ending.length);
  while (Buffer.byteLength(stem) + ending.length > MAX_NAME_BYTES) stem = [...stem].slice(0, -1).join('');
  return stem + ending;
}
