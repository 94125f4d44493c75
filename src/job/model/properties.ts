import { z } from 'zod';
import type { BitsCode } from '../../core/bits-codes.ts';
import { NearbitsError } from '../../core/errors.ts';
import { MAX_URL_LENGTH } from '../../core/url.ts';

/**
 * The properties of a job that a program can set, with their defaults, ranges and the code each mistake is answered
 * with (BITS: the setters of IBackgroundCopyJob and their return values). One table for the API, the SDK and the store.
 */

/** Bits of `notifyFlags` (BITS: BG_NOTIFY_*). */
export const NOTIFY = {
  transferred: 0x1,
  error: 0x2,
  disable: 0x4,
  modification: 0x8,
  fileTransferred: 0x10,
  fileRangesTransferred: 0x20,
} as const;
const ALL_NOTIFY_BITS = 0x3f;

/** Bits of `securityFlags` (BITS: SetSecurityFlags). */
export const SECURITY = {
  checkRevocation: 0x1,
  ignoreWrongName: 0x2,
  ignoreWrongDate: 0x4,
  ignoreUnknownAuthority: 0x8,
  ignoreWrongUsage: 0x10,
  redirectReport: 0x100,
  redirectDisallow: 0x200,
  redirectMask: 0x700,
  allowHttpsToHttp: 0x800,
} as const;
const ALL_SECURITY_BITS = 0xb1f;

/** Bits of `peerCachingFlags` (BITS: SetPeerCachingFlags). */
export const PEER_CACHING = { client: 0x1, server: 0x2 } as const;

/** Bits of `costFlags`: on which kinds of network a job may run (BITS: BITS_COST_STATE_*). */
export const COST = {
  unrestricted: 0x1,
  cappedUsageUnknown: 0x2,
  belowCap: 0x4,
  nearCap: 0x8,
  overCapCharged: 0x10,
  overCapThrottled: 0x20,
  usageBased: 0x40,
  roaming: 0x80,
  ignoreCongestion: 0x80000000,
} as const;
/** BITS_COST_STATE_TRANSFER_ALWAYS. */
export const COST_ALWAYS = 0x800000ff;

const DAY_SECONDS = 86_400;
/** Bounds of durations that have no bound in BITS, so that sums of milliseconds stay safe: about 68 years. */
const MAX_SECONDS = 2 ** 31 - 1;

/** Levels of a job (BITS: BG_JOB_PRIORITY). */
export const JOB_PRIORITIES = ['FOREGROUND', 'HIGH', 'NORMAL', 'LOW'] as const;
export type JobPriority = (typeof JOB_PRIORITIES)[number];

const NO_CONTROLS = /^\P{Cc}*$/u;
const seconds = z.int().min(0).max(MAX_SECONDS);

/** A command that is run when the job is transferred or in error. */
export const NotifyCommand = z.strictObject({
  program: z.string().min(1).max(260).describe('absolute path of a program that the administrator allows'),
  parameters: z.array(z.string()).max(256).default([]).describe('together at most 4,000 characters'),
});
export type NotifyCommand = z.output<typeof NotifyCommand>;

/** An address that is told about the job. */
export const Webhook = z.strictObject({
  url: z.string().max(MAX_URL_LENGTH).describe('http or https URL that takes a POST for each notification'),
  secret: z.string().min(16).max(300).describe('key of the signature (HMAC-SHA256); write-only'),
});
export type Webhook = z.output<typeof Webhook>;

/** How the job reaches its origins. */
export const JobProxy = z.strictObject({
  usage: z.enum(['PRECONFIG', 'NO_PROXY', 'OVERRIDE', 'AUTODETECT']),
  list: z.array(z.string()).default([]).describe('proxies as URLs, the first that works is used; only with OVERRIDE'),
  bypass: z.array(z.string()).default([]).describe('hosts that are reached directly; only with OVERRIDE'),
});
export type JobProxy = z.output<typeof JobProxy>;

/** All settable properties with their defaults. */
export const JobProperties = z.strictObject({
  displayName: z.string().max(256).regex(NO_CONTROLS),
  description: z
    .string()
    .max(1024)
    .regex(/^[\P{Cc}\n\t]*$/u)
    .default(''),
  priority: z.enum(JOB_PRIORITIES).default('NORMAL'),
  minimumRetryDelaySeconds: seconds
    .transform((value) => Math.max(5, value))
    .default(600)
    .describe('least time between two tries after a transient error; less than 5 counts as 5'),
  noProgressTimeoutSeconds: seconds
    .default(14 * DAY_SECONDS)
    .describe('after this long without progress a transient error becomes final; 0: at once'),
  maximumDownloadTimeSeconds: seconds
    .nullable()
    .default(null)
    .describe('time in CONNECTING and TRANSFERRING after which the job is in error; null: as the policy says'),
  notifyFlags: z
    .int()
    .min(0)
    .max(ALL_NOTIFY_BITS)
    .default(NOTIFY.transferred | NOTIFY.error)
    .describe(
      'sum of 1 transferred, 2 error, 4 none at all, 8 modification, 16 file transferred, 32 ranges transferred',
    ),
  notifyCommand: NotifyCommand.nullable().default(null),
  webhook: Webhook.nullable().default(null),
  minimumNotificationIntervalMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(500)
    .describe('least time between two notifications of modifications'),
  customHeaders: z
    .record(z.string(), z.string())
    .default({})
    .describe('request headers; names and values together at most 16,384 characters with separators'),
  customHeadersWriteOnly: z.boolean().default(false).describe('whether the headers are hidden; cannot be undone'),
  proxy: JobProxy.default({ usage: 'PRECONFIG', list: [], bypass: [] }),
  securityFlags: z
    .int()
    .min(0)
    .max(ALL_SECURITY_BITS)
    .refine((value) => (value & ~ALL_SECURITY_BITS) === 0)
    .refine((value) => [0, 0x100, 0x200].includes(value & SECURITY.redirectMask))
    .default(0)
    .describe(
      '1 check revocation; ignore 2 names, 4 dates, 8 unknown authorities, 16 wrong usage; redirects 256 report, 512 refuse; 2048 https to http',
    ),
  httpMethod: z
    .string()
    .regex(/^[A-Z]{1,32}$/)
    .default('GET'),
  dynamicContent: z.boolean().default(false).describe('content that changes with every request: fetched in one go'),
  highPerformance: z
    .boolean()
    .default(false)
    .describe('written straight to the destination; starts over after a crash'),
  maxDownloadSize: z.int().min(1).max(Number.MAX_SAFE_INTEGER).nullable().default(null).describe('bytes of all files'),
  onDemandMode: z.boolean().default(false).describe('only ranges that are asked for are fetched'),
  peerCachingFlags: z
    .int()
    .min(0)
    .max(7)
    .default(PEER_CACHING.client | PEER_CACHING.server)
    .describe('1 download from neighbours, 2 share with neighbours; 4 is accepted and means nothing here'),
  costFlags: z.int().min(0).max(0xffffffff).default(COST_ALWAYS).describe('on which networks the job may run'),
  autoComplete: z
    .boolean()
    .default(false)
    .describe('complete the job as soon as it is transferred, and give it up when it is in error'),
});
/** Checked properties of a job. */
export type JobProperties = z.output<typeof JobProperties>;
/** The name of a settable property. */
export type JobPropertyName = keyof JobProperties;

/** What a caller may write when a job is made. */
export type JobPropertiesInput = Partial<z.input<typeof JobProperties>> & { readonly displayName: string };

/** A change of properties: any of them, none filled in. */
export const JobPropertiesChange = z.strictObject(
  Object.fromEntries(
    Object.entries(JobProperties.shape).map(([name, schema]) => [
      name,
      (schema instanceof z.ZodDefault ? schema.unwrap() : schema).optional(),
    ]),
  ) as unknown as { [Name in JobPropertyName]: z.ZodOptional<z.ZodType<JobProperties[Name]>> },
);
export type JobPropertiesChange = Partial<JobProperties>;

/** The code for a mistake in a property; E_INVALIDARG unless BITS names another. */
type MistakeCodes = Partial<Record<'tooLong' | 'badValue', BitsCode>>;
const MISTAKES: Partial<Record<JobPropertyName, MistakeCodes>> = {
  displayName: { tooLong: 'BG_E_STRING_TOO_LONG' },
  description: { tooLong: 'BG_E_STRING_TOO_LONG' },
  priority: { badValue: 'E_NOTIMPL' },
  notifyFlags: { badValue: 'E_NOTIMPL' },
  notifyCommand: { tooLong: 'BG_E_STRING_TOO_LONG' },
  webhook: { tooLong: 'BG_E_STRING_TOO_LONG' },
  customHeaders: { tooLong: 'BG_E_STRING_TOO_LONG' },
  proxy: { badValue: 'E_NOTIMPL' },
  securityFlags: { badValue: 'E_NOTIMPL' },
  maxDownloadSize: { badValue: 'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE' },
};

/** What a job tells of itself but nobody sets. */
const READ_ONLY: ReadonlySet<string> = new Set([
  ...['id', 'type', 'state', 'owner', 'createdMs', 'modifiedMs', 'transferredMs', 'endedMs'],
  ...['files', 'bytes', 'errorCount', 'error', 'retryAtMs'],
]);

/** Turns what zod found wrong with properties into the error BITS would return, saying which property and why. */
export function propertyError(error: z.core.$ZodError): NearbitsError {
  const issue = error.issues[0] as z.core.$ZodIssue;
  const unknown = issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys[0] : undefined;
  if (unknown !== undefined && READ_ONLY.has(unknown)) {
    return new NearbitsError('BG_E_READ_ONLY_PROPERTY', `the property ${unknown} of a job can only be read`, {
      details: { property: unknown },
    });
  }
  if (unknown !== undefined) {
    return new NearbitsError('BG_E_UNKNOWN_PROPERTY_ID', `a job has no property "${unknown.slice(0, 80)}"`, {
      details: { property: unknown.slice(0, 80), known: Object.keys(JobProperties.shape) },
    });
  }
  const path = issue.path.map(String);
  const codes = MISTAKES[path[0] as JobPropertyName] ?? {};
  return new NearbitsError(codeOf(issue, codes), `${path.join('.') || 'the job'}: ${issue.message}`, {
    details: { property: path.join('.') },
  });
}

function codeOf(issue: z.core.$ZodIssue, codes: MistakeCodes): BitsCode {
  if (issue.code === 'too_big' && issue.origin === 'string') return codes.tooLong ?? 'E_INVALIDARG';
  const value =
    issue.code === 'too_big' || issue.code === 'too_small' || issue.code === 'invalid_value' || issue.code === 'custom';
  return (value ? codes.badValue : undefined) ?? 'E_INVALIDARG';
}
