import { parseDuration, parseSize } from '../../config/quantity.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { JobPropertyName } from '../../job/model/properties.ts';
import { parseFlags } from './flags.ts';
import { COST_FLAGS, COST_SETS, NOTIFY_FLAGS, PEER_CACHING_FLAGS, SECURITY_FLAGS } from './job-flags.ts';
import { splitWords } from './words.ts';

/** Turns the text of a value into what the property holds. What it may be in the end is judged by the node. */
type Reader = (text: string) => unknown;

/** How the text of each property is read. Each throws NearbitsError E_INVALIDARG for a text of the wrong form. */
export const PROPERTY_READERS: Readonly<Record<JobPropertyName, Reader>> = {
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
