/**
 * Quantities as people write them in nearbits.yaml. A number is never taken
 * without its unit; only zero needs none. Each parser returns null for a text
 * that is not such a quantity, and a result that does not fit 2^53 - 1 is none.
 */

const DURATION_UNITS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTE_UNITS = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;
const PRINTED_BYTE_UNITS = ['TiB', 'GiB', 'MiB', 'KiB', 'B'] as const;
const PRINTED_DURATION_UNITS = ['d', 'h', 'min', 's', 'ms'] as const;

/** What a duration looks like, for JSON Schema. */
export const DURATION_PATTERN = '^(0|[0-9]+(\\.[0-9]+)? ?(ms|s|min|h|d))$';
/** What a size looks like, for JSON Schema. */
export const SIZE_PATTERN = '^(0|[0-9]+(\\.[0-9]+)? ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB))$';
/** What a rate looks like, for JSON Schema. */
export const RATE_PATTERN = '^(0|[0-9]+(\\.[0-9]+)? ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)/s)$';
/** What a percentage looks like, for JSON Schema. */
export const PERCENT_PATTERN = '^[0-9]+(\\.[0-9]+)? ?%$';

const QUANTITY = /^(\d{1,16}(?:\.\d{1,9})?) ?([A-Za-z%/]{1,6})?$/;

/** Reads `500ms`, `15s`, `10min`, `24h`, `90d`: whole milliseconds. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, DURATION_UNITS);
}

/** Reads `512B`, `1.5GiB`, `20GB`: whole bytes; KiB, MiB, ... count in 1024, kB, MB, ... in 1000. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, BYTE_UNITS);
}

/** Reads `1MiB/s`: whole bytes a second. */
export function parseRate(text: string): number | null {
  if (text === '0') return 0;
  return text.endsWith('/s') ? parseQuantity(text.slice(0, -2), BYTE_UNITS) : null;
}

/** Reads `1%` or `12.5 %`. */
export function parsePercent(text: string): number | null {
  const match = QUANTITY.exec(text);
  return match?.[2] === '%' ? Number(match[1]) : null;
}

/** Prints milliseconds in the largest unit that keeps them whole: the inverse of {@link parseDuration}. */
export function printExactDuration(ms: number): string {
  return printQuantity(ms, PRINTED_DURATION_UNITS, DURATION_UNITS);
}

/** Prints bytes in the largest unit that keeps them whole: the inverse of {@link parseSize}. */
export function printExactSize(bytes: number): string {
  return printQuantity(bytes, PRINTED_BYTE_UNITS, BYTE_UNITS);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | null {
  if (text === '0') return 0;
  const match = QUANTITY.exec(text);
  const unit = match?.[2];
  if (match === null || unit === undefined || !Object.hasOwn(units, unit)) return null;
  const value = Math.round(Number(match[1]) * (units[unit] ?? Number.NaN));
  return Number.isSafeInteger(value) ? value : null;
}

function printQuantity<Unit extends string>(
  value: number,
  printed: readonly Unit[],
  factors: Readonly<Record<Unit, number>>,
): string {
  const unit = printed.find((name) => value >= factors[name] && value % factors[name] === 0);
  return unit === undefined ? '0' : `${value / factors[unit]}${unit}`;
}
