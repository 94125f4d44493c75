import { NearbitsError } from '../../core/errors.ts';

/** A comment, a word in quotes, or a word without; each up to a blank or the end of the line. */
const PART = /\s*(?:(#.*)|"([^"]*)"(?=\s|$)|'([^']*)'(?=\s|$)|([^\s"']\S*))\s*/y;

/**
 * Splits a line into words. Double or single quotes around a word keep its blanks; inside of a word they are ordinary,
 * as is a backslash, because names and paths have them. A word that begins with # ends the line.
 * @throws NearbitsError E_INVALIDARG when a quote is not closed, or closed in the middle of a word.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const rest = line.trim();
  let at = 0;
  while (at < rest.length) {
    PART.lastIndex = at;
    const match = PART.exec(rest);
    if (match === null) throw new NearbitsError('E_INVALIDARG', 'a quote is not closed at the end of a word');
    if (match[1] !== undefined) break;
    words.push(match[2] ?? match[3] ?? match[4] ?? '');
    at = PART.lastIndex;
  }
  return words;
}
