import { z } from 'zod';
import {
  DURATION_PATTERN,
  parseDuration,
  parseRate,
  parseSize,
  printExactDuration,
  printExactSize,
  RATE_PATTERN,
  SIZE_PATTERN,
} from './quantity.ts';

/**
 * Builders for the keys of the schema. Each makes a zod schema that reads the
 * value as a person writes it and carries, for messages and documents: the
 * default (as written), the unit, what is allowed, and what the key means.
 */

/** What every key tells about itself. */
export interface KeyMeta {
  readonly description: string;
  /** As it would be written in the file. */
  readonly default: unknown;
  /** What is allowed, as a phrase for people: `1 to 100`. */
  readonly allowed: string;
  /** Unit of the value, or null for values without one. */
  readonly unit: string | null;
}

interface Common<Default> {
  readonly default: Default;
  readonly about: string;
}

/** The metadata of a key. */
export function keyMeta(schema: z.ZodType): KeyMeta {
  const meta = schema.meta();
  return {
    description: String(meta?.description),
    default: meta?.default,
    allowed: String(meta?.['x-allowed']),
    unit: typeof meta?.['x-unit'] === 'string' ? meta['x-unit'] : null,
  };
}

function describe<Schema extends z.ZodType>(
  schema: Schema,
  { common, allowed, unit, json }: { common: Common<unknown>; allowed: string; unit?: string; json?: object },
): Schema {
  const facts = { description: common.about, default: common.default, 'x-allowed': allowed };
  return schema.meta({ ...facts, ...(unit === undefined ? {} : { 'x-unit': unit }), ...json });
}

/** A switch. */
export function flag(common: Common<boolean>): z.ZodType<boolean, boolean> {
  return describe(z.boolean(), { common, allowed: 'true or false' });
}

/** A whole number. */
export function count(
  options: Common<number> & { min: number; max: number; unit?: string },
): z.ZodType<number, number> {
  const { min, max, unit } = options;
  const allowed = `${min} to ${max}`;
  return describe(z.int().min(min).max(max), { common: options, allowed, ...(unit === undefined ? {} : { unit }) });
}

/** A TCP or UDP port. */
export function port(common: Common<number>): z.ZodType<number, number> {
  return describe(z.int().min(0).max(65_535), { common, allowed: '1 to 65535, or 0 for any free port' });
}

/** One of a few words. */
export function choice<const Word extends string>(
  options: Common<Word> & { words: readonly Word[] },
): z.ZodType<Word, Word> {
  return describe(z.enum(options.words), { common: options, allowed: options.words.join(', ') });
}

/** A time span, read to milliseconds. */
export function duration(options: Common<string> & { min: string; max: string }): z.ZodType<number, string> {
  return quantity({
    ...options,
    parse: parseDuration,
    print: printExactDuration,
    unit: 'ms, s, min, h or d',
    pattern: DURATION_PATTERN,
  });
}

/** An amount of bytes. */
export function size(options: Common<string> & { min: string; max: string }): z.ZodType<number, string> {
  return quantity({
    ...options,
    parse: parseSize,
    print: printExactSize,
    unit: 'B, KiB, MiB, GiB, TiB, kB, MB, GB or TB',
    pattern: SIZE_PATTERN,
  });
}

/** A rate, read to bytes a second. */
export function rate(options: Common<string> & { min: string; max: string }): z.ZodType<number, string> {
  return quantity({
    ...options,
    parse: parseRate,
    print: (value) => (value === 0 ? '0' : `${printExactSize(value)}/s`),
    unit: 'B/s, KiB/s, MiB/s, GiB/s, kB/s, MB/s or GB/s',
    pattern: RATE_PATTERN,
  });
}

interface QuantityOptions extends Common<string> {
  readonly min: string;
  readonly max: string;
  readonly unit: string;
  readonly pattern: string;
  readonly parse: (text: string) => number | null;
  readonly print: (value: number) => string;
}

function quantity(options: QuantityOptions): z.ZodType<number, string> {
  const { min, max, parse, print, unit, pattern } = options;
  const least = parse(min) ?? 0;
  const most = parse(max) ?? Number.MAX_SAFE_INTEGER;
  const allowed = `${print(least)} to ${print(most)}`;
  const schema = readAs<number, string>((value) => {
    const parsed = typeof value === 'string' ? parse(value) : value === 0 ? 0 : null;
    if (parsed === null)
      return typeof value === 'number' ? `needs a unit: ${unit}` : `is not a number with its unit (${unit})`;
    return parsed < least || parsed > most ? 'is out of range' : { value: parsed };
  });
  return describe(schema, { common: options, allowed, unit, json: { type: ['string', 'integer'], pattern } });
}

/**
 * A key with a form of its own: `read` returns the value, or what is wrong with it as the end of a sentence
 * that starts with the written value.
 */
export function written<Out, In>(
  options: Common<In> & {
    allowed: string;
    unit?: string;
    json: object;
    read: (value: unknown) => { value: Out } | string;
  },
): z.ZodType<Out, In> {
  const { allowed, unit, json } = options;
  return describe(readAs<Out, In>(options.read), {
    common: options,
    allowed,
    json,
    ...(unit === undefined ? {} : { unit }),
  });
}

function readAs<Out, In>(read: (value: unknown) => { value: Out } | string): z.ZodType<Out, In> {
  return z
    .custom<In>(() => true)
    .transform((value, context) => {
      const result = read(value);
      if (typeof result !== 'string') return result.value;
      context.issues.push({ code: 'custom', message: result, input: value });
      return z.NEVER;
    });
}
