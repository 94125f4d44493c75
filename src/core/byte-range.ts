import { NearbitsError } from './errors.ts';

/** Bytes `start <= offset < end` of a file; half-open everywhere inside the node. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** BITS allows at most 500 ranges in one file. */
export const MAX_RANGES = 500;

/** Number of bytes in the range. */
export function rangeLength(range: ByteRange): number {
  return range.end - range.start;
}

/** The bytes both ranges share, or null when they share none. */
export function intersectRanges(a: ByteRange, b: ByteRange): ByteRange | null {
  const start = Math.max(a.start, b.start);
  const end = Math.min(a.end, b.end);
  return start < end ? { start, end } : null;
}

/** Parses one range as a person writes it: `0-499` (both ends included, as in HTTP) or `500-` (to the end). */
export interface RequestedRange {
  readonly start: number;
  /** First byte that is not wanted; null: up to the end of the file. */
  readonly end: number | null;
}

const RANGE_TEXT = /^(\d{1,16})-(\d{1,16})?$/;

/**
 * Reads `a-b` or `a-`, with b included (RFC 9110 section 14.1.2).
 * @throws NearbitsError E_INVALID_RANGE for any other text, an empty range, or offsets beyond 2^53 - 1.
 */
export function parseRequestedRange(text: string): RequestedRange {
  const match = RANGE_TEXT.exec(text);
  const start = Number(match?.[1]);
  const last = match?.[2] === undefined ? null : Number(match[2]);
  if (match === null || !Number.isSafeInteger(start) || (last !== null && !Number.isSafeInteger(last + 1))) {
    throw new NearbitsError('E_INVALID_RANGE', `"${text.slice(0, 60)}" is not a range`, {
      hint: 'Write a range as first-last, both included, such as 0-499, or first- for the rest of the file.',
    });
  }
  if (last !== null && last < start) {
    throw new NearbitsError('E_INVALID_RANGE', `the range ${text} is empty: its last byte lies before its first`);
  }
  return { start, end: last === null ? null : last + 1 };
}

/**
 * Fixes requested ranges to a file of `size` bytes and keeps their order, which is the order of writing.
 * @throws NearbitsError E_INVALID_RANGE when one is empty, lies beyond the end, or two overlap (BITS: BG_E_INVALID_RANGE, BG_E_OVERLAPPING_RANGES).
 */
export function resolveRanges(requested: readonly RequestedRange[], size: number): ByteRange[] {
  const resolved = requested.map((range) => resolveOne(range, size));
  const sorted = [...resolved].sort((a, b) => a.start - b.start);
  for (const [index, range] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && next.start < range.end) {
      throw new NearbitsError('E_INVALID_RANGE', `the ranges ${printRange(range)} and ${printRange(next)} overlap`);
    }
  }
  return resolved;
}

function resolveOne(range: RequestedRange, size: number): ByteRange {
  const end = range.end ?? size;
  if (range.start >= end) {
    throw new NearbitsError(
      'E_INVALID_RANGE',
      `the range starting at ${range.start} is empty in a file of ${size} bytes`,
    );
  }
  if (end > size) {
    throw new NearbitsError(
      'E_INVALID_RANGE',
      `the range ${printRange({ start: range.start, end })} lies beyond the end of the file (${size} bytes)`,
    );
  }
  return { start: range.start, end };
}

/** Prints a range as people read it, both ends included: `0-499`. */
export function printRange(range: ByteRange): string {
  return `${range.start}-${range.end - 1}`;
}
