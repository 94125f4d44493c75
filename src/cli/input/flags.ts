import { NearbitsError } from '../../core/errors.ts';

/** Names of bits, such as `{ 'check-revocation': 1 }`. */
export type FlagNames = Readonly<Record<string, number>>;

/** The names of a table of bits as people write them: `fileTransferred` becomes `file-transferred`. */
export function flagNames(bits: Readonly<Record<string, number>>): FlagNames {
  return Object.fromEntries(Object.entries(bits).map(([name, bit]) => [kebab(name), bit]));
}

/** `fileTransferred` becomes `file-transferred`. */
export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Reads a set of bits: a number (decimal, or hexadecimal after 0x), names with commas between, or `none`.
 * @throws NearbitsError E_INVALIDARG with all names.
 */
export function parseFlags(text: string, names: FlagNames): number {
  if (/^(\d{1,10}|0x[\da-f]{1,8})$/i.test(text)) return Number(text);
  if (text === 'none') return 0;
  let bits = 0;
  for (const word of text.split(',')) {
    const bit = names[word.trim().toLowerCase()];
    if (bit === undefined) throw unknownFlag(word, names);
    bits = (bits | bit) >>> 0; // bit 31 is used, and numbers are not negative
  }
  return bits;
}

/** Prints a set of bits for people; bits without a name as a number. */
export function printFlags(bits: number, names: FlagNames): string {
  if (bits === 0) return 'none';
  const present = Object.entries(names).filter(([, bit]) => (bits & bit) >>> 0 === bit);
  const rest = present.reduce((left, [, bit]) => (left & ~bit) >>> 0, bits);
  return [...present.map(([name]) => name), ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])].join(', ');
}

function unknownFlag(word: string, names: FlagNames): NearbitsError {
  return new NearbitsError('E_INVALIDARG', `there is no flag "${word.slice(0, 60)}"`, {
    hint: `Write a number, none, or some of ${Object.keys(names).join(',')}.`,
  });
}
