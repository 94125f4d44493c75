import { TAG } from './der.ts';

/** An element of DER with this tag and content. */
export function writeDer(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(tag, ...lengthOf(body.length)), body]);
}

/** A SEQUENCE of these elements. */
export function writeSequence(...items: readonly Uint8Array[]): Uint8Array {
  return writeDer(TAG.sequence, ...items);
}

/** A positive INTEGER, given as hexadecimal. */
export function writeInteger(hex: string): Uint8Array {
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  // A number whose first bit is set would be read as negative without a zero byte before it.
  const isNegative = Number.parseInt(even.slice(0, 2), 16) >= 0x80;
  return writeDer(TAG.integer, Buffer.from(isNegative ? `00${even}` : even, 'hex'));
}

/** A time in whole seconds: UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
export function writeTime(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return digits < '2050'
    ? writeDer(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : writeDer(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const hex = length.toString(16);
  const bytes = [...Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')];
  return [0x80 | bytes.length, ...bytes];
}
