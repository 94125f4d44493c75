import { resolve } from 'node:path';
import { NearbitsError } from '../../core/errors.ts';
import { splitWords } from './words.ts';

/** A file to add, as it stands on the command line or in a text file. */
export interface NamedFile {
  readonly remoteUrl: string;
  /** Absolute. */
  readonly localName: string;
}

/**
 * Reads a list of files (BITS: the text file of /AddFileSet): one `URL PATH` a line, quotes around paths with blanks, # for
 * comments. Relative paths count from the working directory.
 * @throws NearbitsError E_INVALIDARG, naming `source` and line of the first mistake, or that there is nothing in it.
 */
export function parseFileSet(text: string, source: string, workingDir: string): NamedFile[] {
  const files: NamedFile[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const words = wordsOf(line, `${source}:${index + 1}`);
    if (words.length === 0) continue;
    const [remoteUrl, localName] = words;
    if (remoteUrl === undefined || localName === undefined || words.length !== 2) {
      throw mistake(`${source}:${index + 1}`, `${words.length} words instead of URL and PATH`);
    }
    files.push({ remoteUrl, localName: resolve(workingDir, localName) });
  }
  if (files.length > 0) return files;
  throw new NearbitsError('E_INVALIDARG', `${source} names no file`, { hint: 'Write one "URL PATH" a line.' });
}

/**
 * Pairs of URL and path, as options and arguments give them.
 * @throws NearbitsError E_INVALIDARG when one is left over.
 */
export function pairFiles(words: readonly string[], workingDir: string): NamedFile[] {
  if (words.length % 2 !== 0) {
    throw new NearbitsError(
      'E_INVALIDARG',
      `"${words.at(-1)?.slice(0, 80)}" stands alone: files are given as URL PATH`,
    );
  }
  return Array.from({ length: words.length / 2 }, (_, pair) => ({
    remoteUrl: words[2 * pair] ?? '',
    localName: resolve(workingDir, words[2 * pair + 1] ?? ''),
  }));
}

function wordsOf(line: string, place: string): string[] {
  try {
    return splitWords(line);
  } catch (error) {
    throw mistake(place, (error as Error).message);
  }
}

function mistake(place: string, message: string): NearbitsError {
  return new NearbitsError('E_INVALIDARG', `${place}: ${message}`, {
    details: { place },
    hint: 'Write one "URL PATH" a line, with quotes around a path that has blanks.',
  });
}
