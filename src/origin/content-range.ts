import type { ByteRange } from '../core/byte-range.ts';

/** What a Content-Range header says (RFC 9110 section 14.4). */
export type ContentRange =
  /** The part that follows, half-open, and the size of the whole file, null when the origin does not know it. */
  | { readonly kind: 'part'; readonly range: ByteRange; readonly total: number | null }
  /** No part fits a file of `total` bytes; comes with status 416. */
  | { readonly kind: 'unsatisfied'; readonly total: number };

const PART = /^bytes +(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i;
const UNSATISFIED = /^bytes +\*\/(\d{1,16})$/i;

/** Reads a Content-Range header; null when it is malformed, not in bytes, contradicts itself, or exceeds 2^53 - 1. */
export function parseContentRange(text: string | null): ContentRange | null {
  if (text === null) return null;
  const unsatisfied = UNSATISFIED.exec(text);
  if (unsatisfied !== null) {
    const total = Number(unsatisfied[1]);
    return Number.isSafeInteger(total) ? { kind: 'unsatisfied', total } : null;
  }
  const part = PART.exec(text);
  return part === null
    ? null
    : checkPart(Number(part[1]), Number(part[2]) + 1, part[3] === '*' ? null : Number(part[3]));
}

// Invalid when the last position lies before the first, or beyond the total (RFC 9110 section 14.4).
function checkPart(start: number, end: number, total: number | null): ContentRange | null {
  if (!Number.isSafeInteger(end) || start >= end) return null;
  if (total !== null && (!Number.isSafeInteger(total) || end > total)) return null;
  return { kind: 'part', range: { start, end }, total };
}

/** Prints a half-open range as a Range header: `bytes=0-499`. */
export function printRangeHeader(range: ByteRange): string {
  return `bytes=${range.start}-${range.end - 1}`;
}
