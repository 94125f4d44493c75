/** Longer fields are not read. */
export const MAX_DICTIONARY_LENGTH = 8 * 1024;

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const INTEGER = String.raw`-?\d{1,15}(?!\.?\d)`;
const DECIMAL = String.raw`-?\d{1,12}\.\d{1,3}(?!\d)`;
const STRING = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"`;
const TOKEN = String.raw`[A-Za-z*][!#$%&'*+\-.^_\x60|~0-9A-Za-z:/]*`;
const BYTES = ':[A-Za-z0-9+/=]*:';
const DISPLAY = String.raw`%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"`;
const BARE = `(?:${DECIMAL}|${INTEGER}|${STRING}|${TOKEN}|${BYTES}|\\?[01]|@-?\\d{1,15}|${DISPLAY})`;
const PARAMETERS = `(?:;[ ]*[a-z*][a-z0-9_\\-.*]*(?:=${BARE})?)*`;
const ITEM = `${BARE}${PARAMETERS}`;
const INNER_LIST = `\\([ ]*(?:${ITEM}(?:[ ]+${ITEM})*)?[ ]*\\)${PARAMETERS}`;
const VALUE = new RegExp(`=(?:(${BARE})${PARAMETERS}|${INNER_LIST})|${PARAMETERS}`, 'y');
const COMMA = /[ \t]*,[ \t]*/y;

/**
 * Reads a dictionary of structured fields (RFC 9651 section 3.2): each key with the text of its value without parameters.
 * Values that are no single item, and keys without a value, have an empty text. Of a repeated key the last counts.
 * Null when the text is longer than 8 KiB or no dictionary: then the whole field is to be ignored (section 4.2).
 */
export function parseDictionary(text: string): ReadonlyMap<string, string> | null {
  const members = new Map<string, string>();
  const trimmed = text.length > MAX_DICTIONARY_LENGTH ? null : text.trim();
  if (trimmed === null) return null;
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(trimmed);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  while (position < trimmed.length) {
    const key = take(KEY);
    const value = key === null ? null : take(VALUE);
    if (key === null || value === null) return null;
    members.set(key[0], value[1] ?? '');
    if (position === trimmed.length) break;
    // A comma must be followed by another member.
    if (take(COMMA) === null || position === trimmed.length) return null;
  }
  return members;
}
