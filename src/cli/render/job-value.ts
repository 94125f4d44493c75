import { NearbitsError } from '../../core/errors.ts';
import type { JobFileView, JobView } from '../../job/model/view.ts';
import { kebab } from '../input/flags.ts';
import { findProperty, propertyNames } from '../input/job-properties.ts';
import { timeText } from './job.ts';

/** Values that scripts ask for by name (BITS: the Get switches), beside the properties that can be set. */
const OF_JOB: Readonly<Record<string, (job: JobView) => unknown>> = {
  id: ({ id }) => id,
  type: ({ type }) => type,
  state: ({ state }) => state,
  owner: ({ owner }) => owner,
  'bytes-total': ({ bytes }) => bytes.total ?? 'unknown',
  'bytes-transferred': ({ bytes }) => bytes.transferred,
  'bytes-from-peers': ({ bytes }) => bytes.fromPeers,
  'bytes-from-origin': ({ bytes }) => bytes.fromOrigin,
  'bytes-from-cache': ({ bytes }) => bytes.fromCache,
  'files-total': ({ files }) => files.total,
  'files-transferred': ({ files }) => files.transferred,
  'creation-time': ({ createdMs }) => time(createdMs),
  'modification-time': ({ modifiedMs }) => time(modifiedMs),
  'completion-time': ({ transferredMs }) => time(transferredMs),
  'end-time': ({ endedMs }) => time(endedMs),
  'retry-time': ({ retryAtMs }) => time(retryAtMs),
  'error-count': ({ errorCount }) => errorCount,
  'proxy-usage': ({ properties }) => properties.proxy.usage,
  'proxy-list': ({ properties }) => properties.proxy.list.join(','),
  'proxy-bypass-list': ({ properties }) => properties.proxy.bypass.join(','),
  proxy: ({ properties: { proxy } }) => [proxy.usage, proxy.list.join(','), proxy.bypass.join(',')].join(' ').trim(),
  'notify-command': ({ properties: { notifyCommand: held } }) =>
    held === null ? null : [held.program, ...held.parameters].map(quoted).join(' '),
  webhook: ({ properties }) => properties.webhook?.url ?? null,
  'custom-headers': ({ properties }) => headerLines(properties.customHeaders),
  credentials: ({ credentials }) =>
    credentials.map(({ target, scheme, user }) => `${target} ${scheme} ${user ?? ''}`.trim()),
  'client-certificate': ({ clientCertificate: held }) => (held === null ? null : `${held.sha256} ${held.subject}`),
};

const OF_FILE: Readonly<Record<string, (file: JobFileView) => unknown>> = {
  'remote-name': ({ remoteUrl }) => remoteUrl,
  'local-name': ({ localName }) => localName,
  'temporary-name': ({ temporaryName }) => temporaryName,
  validation: ({ validation }) => validation,
  'file-bytes-total': ({ bytesTotal }) => bytesTotal ?? 'unknown',
  'file-bytes-transferred': ({ bytesTransferred }) => bytesTransferred,
  'peer-stats': (file) => [
    `origin ${file.bytesFromOrigin}`,
    `peers ${file.bytesFromPeers}`,
    `cache ${file.bytesFromCache}`,
  ],
  'response-headers': ({ responseHeaders }) => headerLines(responseHeaders),
};

/** What a name asks for. */
export type ValueOf =
  | { readonly kind: 'job'; readonly read: (job: JobView) => unknown }
  | { readonly kind: 'file'; readonly read: (file: JobFileView) => unknown }
  | { readonly kind: 'error'; readonly part: 'code' | 'hresult' | 'context' | 'message' };

const OF_ERROR = {
  error: 'code',
  'error-number': 'hresult',
  'error-context': 'context',
  'error-message': 'message',
} as const;

/**
 * What a name that a person wrote asks for.
 * @throws NearbitsError BG_E_UNKNOWN_PROPERTY_ID with all names.
 */
export function valueNamed(text: string): ValueOf {
  const name = kebab(text).toLowerCase().replace(/^-/, '').replaceAll('_', '-');
  if (Object.hasOwn(OF_JOB, name)) return { kind: 'job', read: OF_JOB[name] as (job: JobView) => unknown };
  if (Object.hasOwn(OF_FILE, name)) return { kind: 'file', read: OF_FILE[name] as (file: JobFileView) => unknown };
  if (Object.hasOwn(OF_ERROR, name)) return { kind: 'error', part: OF_ERROR[name as keyof typeof OF_ERROR] };
  const property = findProperty(text);
  if (property !== null) return { kind: 'job', read: ({ properties }) => properties[property] };
  throw new NearbitsError('BG_E_UNKNOWN_PROPERTY_ID', `a job has no property "${text.slice(0, 60)}"`, {
    hint: `There are ${valueNames().join(', ')}.`,
  });
}

/** All names that {@link valueNamed} knows. */
export function valueNames(): string[] {
  const all = [OF_JOB, OF_ERROR, OF_FILE].flatMap((names) => Object.keys(names));
  return [...new Set([...all, ...propertyNames()])];
}

/** A value as a script reads it: lines for lists, `none` for what is not set. `job set` takes it back. */
export function rawText(value: unknown): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(rawText).join('\n');
  // No control characters of others reach the terminal; lines are ours.
  if (typeof value === 'string') return value.replaceAll(/[^\P{Cc}\n\t]/gu, '?');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function headerLines(headers: Readonly<Record<string, string>> | null): string[] | null {
  return headers === null ? null : Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}

function quoted(word: string): string {
  return /[\s"']/.test(word) || word === '' ? `"${word}"` : word;
}

function time(timeMs: number | null): string | null {
  return timeMs === null ? null : timeText(timeMs);
}
