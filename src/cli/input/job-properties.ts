import { parseDuration, parseSize } from '../../config/quantity.ts';
import { NearbitsError } from '../../core/errors.ts';
import {
  COST,
  COST_ALWAYS,
  JobProperties,
  type JobPropertiesChange,
  type JobPropertyName,
  NOTIFY,
  PEER_CACHING,
  SECURITY,
} from '../../job/properties.ts';
import { type FlagNames, flagNames, kebab, parseFlags } from './flags.ts';
import { splitWords } from './words.ts';

const { redirectMask: _, ...SECURITY_BITS } = SECURITY;

/** The bits of `notifyFlags` by name. */
export const NOTIFY_FLAGS: FlagNames = flagNames(NOTIFY);
/** The bits of `securityFlags` by name. */
export const SECURITY_FLAGS: FlagNames = flagNames(SECURITY_BITS);
/** The bits of `peerCachingFlags` by name. */
export const PEER_CACHING_FLAGS: FlagNames = flagNames(PEER_CACHING);
/** The bits of `costFlags` by name. */
export const COST_FLAGS: FlagNames = flagNames(COST);
/** Sets of cost bits that have names in BITS (BITS_COST_STATE_TRANSFER_*). */
const COST_SETS: FlagNames = {
  always: COST_ALWAYS,
  'not-roaming': 0x8000007f,
  'no-surcharge': 0x8000006f,
  standard: 0x80000067,
};

/** Turns the text of a value into what the property holds. What it may be in the end is judged by the node. */
type Reader = (text: string) => unknown;

const READERS: Readonly<Record<JobPropertyName, Reader>> = {
  displayName: (text) => text,
  description: (text) => text,
  priority: (text) => text.toUpperCase(),
  minimumRetryDelaySeconds: seconds,
  noProgressTimeoutSeconds: seconds,
  maximumDownloadTimeSeconds: orNone(seconds),
  notifyFlags: (text) => parseFlags(text, NOTIFY_FLAGS),
  notifyCommand: orNone(command),
  webhook: orNone((url) => ({ url, secret: '' })), // the secret does not come from the command line
  minimumNotificationIntervalMs: milliseconds,
  customHeaders: headers,
  customHeadersWriteOnly: yesNo,
  proxy,
  securityFlags: (text) => parseFlags(text, SECURITY_FLAGS),
  httpMethod: (text) => text.toUpperCase(),
  dynamicContent: yesNo,
  highPerformance: yesNo,
  maxDownloadSize: orNone(size),
  onDemandMode: yesNo,
  peerCachingFlags: (text) => parseFlags(text, PEER_CACHING_FLAGS),
  costFlags: (text) => parseFlags(text, { ...COST_FLAGS, ...COST_SETS }),
  autoComplete: yesNo,
};

/** The property that a person means: `minimum-retry-delay` is `minimumRetryDelaySeconds`. Null when there is none. */
export function findProperty(text: string): JobPropertyName | null {
  const wanted = plainName(text);
  const names = Object.keys(JobProperties.shape) as JobPropertyName[];
  return names.find((name) => plainName(name) === wanted || plainName(withoutUnit(name)) === wanted) ?? null;
}

/** All names of properties, as they are usually written on the command line. */
export function propertyNames(): string[] {
  return (Object.keys(JobProperties.shape) as JobPropertyName[]).map(printProperty);
}

/** A property as it is usually written on the command line: `minimum-retry-delay`. */
export function printProperty(name: JobPropertyName): string {
  return kebab(withoutUnit(name));
}

/**
 * Reads `PROPERTY=VALUE` words; `custom-headers` may be given several times, one header each.
 * @throws NearbitsError BG_E_UNKNOWN_PROPERTY_ID, or E_INVALIDARG for a value of the wrong form.
 */
export function parseAssignments(words: readonly string[]): JobPropertiesChange {
  const texts = new Map<JobPropertyName, string>();
  for (const word of words) {
    const { name, value } = splitAssignment(word);
    const before = texts.get(name);
    if (before !== undefined && name !== 'customHeaders') {
      throw new NearbitsError('E_INVALIDARG', `${printProperty(name)} is given twice`);
    }
    texts.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const change = [...texts].map(([name, text]) => [name, readValue(name, text)]);
  return Object.fromEntries(change) as JobPropertiesChange; // the node checks each value under its name
}

/** Splits one word at its first equals sign. @throws NearbitsError as {@link parseAssignments} does */
export function splitAssignment(word: string): { readonly name: JobPropertyName; readonly value: string } {
  const equals = word.indexOf('=');
  if (equals < 1) {
    throw new NearbitsError('E_INVALIDARG', `"${word.slice(0, 60)}" is not PROPERTY=VALUE`, {
      hint: 'Such as priority=HIGH or minimum-retry-delay=10min.',
    });
  }
  const name = findProperty(word.slice(0, equals));
  if (name !== null) return { name, value: word.slice(equals + 1) };
  throw new NearbitsError('BG_E_UNKNOWN_PROPERTY_ID', `a job has no property "${word.slice(0, equals).slice(0, 60)}"`, {
    hint: `There are ${propertyNames().join(', ')}.`,
  });
}

function readValue(name: JobPropertyName, text: string): unknown {
  try {
    return READERS[name](text);
  } catch (error) {
    if (!(error instanceof NearbitsError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new NearbitsError(error.code, `${printProperty(name)}: ${error.message}`, {
      details: { property: name },
      ...hint,
    });
  }
}

function plainName(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase();
}

function withoutUnit(name: string): string {
  return name.replace(/(Seconds|Ms)$/, '');
}

function orNone(read: Reader): Reader {
  return (text) => (text === 'none' ? null : read(text));
}

function seconds(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  return Math.ceil(
    quantity(text, parseDuration, 'a time', '90s, 10min, 24h or 14d; a plain number counts seconds') / 1000,
  );
}

function milliseconds(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  return quantity(text, parseDuration, 'a time', '500ms or 2s; a plain number counts milliseconds');
}

function size(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  return quantity(text, parseSize, 'a size', '500MiB or 4GB, or none; a plain number counts bytes');
}

function quantity(text: string, parse: (text: string) => number | null, what: string, examples: string): number {
  const value = parse(text);
  if (value !== null) return value;
  throw new NearbitsError('E_INVALIDARG', `"${text.slice(0, 40)}" is not ${what}`, {
    hint: `Write it as ${examples}.`,
  });
}

function yesNo(text: string): boolean {
  const word = text.toLowerCase();
  if (['true', 'yes', 'on'].includes(word)) return true;
  if (['false', 'no', 'off'].includes(word)) return false;
  throw new NearbitsError('E_INVALIDARG', `"${text.slice(0, 40)}" is neither true nor false`);
}

function command(text: string): unknown {
  const [program, ...parameters] = splitWords(text);
  return { program: program ?? '', parameters };
}

/** One `Name: value` a line; none at all for `none`. */
function headers(text: string): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const line of text === 'none' ? [] : text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1)
      throw new NearbitsError('E_INVALIDARG', `"${line.slice(0, 40)}" is not a header`, { hint: HEADER_HINT });
    pairs.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return Object.fromEntries(pairs);
}

const HEADER_HINT = 'Write custom-headers="Name: value", or custom-headers=@FILE with one such line each.';

/** BITS' order: usage, proxies, hosts that are reached without. */
function proxy(text: string): unknown {
  const [usage = '', list = '', bypass = '', ...more] = splitWords(text);
  if (more.length > 0) {
    throw new NearbitsError('E_INVALIDARG', 'too many words', {
      hint: 'Write proxy="OVERRIDE http://proxy:3128,http://other:3128 localhost,.example", or PRECONFIG, NO_PROXY, AUTODETECT.',
    });
  }
  return { usage: usage.toUpperCase().replaceAll('-', '_'), list: items(list), bypass: items(bypass) };
}

function items(text: string): string[] {
  return text.split(',').filter((item) => item !== '');
}
