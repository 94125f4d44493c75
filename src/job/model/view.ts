import { z } from 'zod';
import { MAX_METALINK_BYTES } from '../../content/metalink.ts';
import { ERROR_CONTEXTS } from '../../core/bits-codes.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { JobProperties, Webhook } from './properties.ts';
import { JOB_STATES } from './state.ts';

/**
 * What callers see of jobs and say about them. These shapes are the contract between the job service, the local API,
 * the SDK and the command line.
 */

const BYTES = z.int().min(0);
const TIME_MS = z.number().describe('milliseconds since 1970');

/** Types of jobs (BITS: BG_JOB_TYPE). Only downloads can be made yet. */
export const JOB_TYPES = ['DOWNLOAD', 'UPLOAD', 'UPLOAD_REPLY'] as const;
export type JobType = (typeof JOB_TYPES)[number];

/** A range of the remote file. */
export const JobRange = z.strictObject({
  offset: z.int().min(0),
  length: z.union([z.int().min(1), z.literal('EOF')]).describe('bytes, or EOF for the rest of the file'),
});
export type JobRange = z.output<typeof JobRange>;

/**
 * A Metalink document (RFC 5854) that describes a file: its text, or where the node shall fetch it with the settings of
 * the job. Unlike one that an origin names it has to be there, readable and about the file.
 */
export const GivenMetalink = z
  .union([
    z.strictObject({ document: z.string().min(1).max(MAX_METALINK_BYTES).describe('the text of the document') }),
    z.strictObject({ url: z.string().min(1).max(16_384).describe('http or https URL of the document') }),
  ])
  .meta({ id: 'GivenMetalink' });
export type GivenMetalink = z.output<typeof GivenMetalink>;

/** A file to add. Form only; lengths, counts and paths are judged by the job service, which names the code. */
export const JobFileRequest = z
  .strictObject({
    remoteUrl: z.string().min(1).max(16_384),
    localName: z.string().min(1).max(8192).describe('absolute path of the file to write'),
    ranges: z.array(JobRange).max(100_000).optional().describe('written back to back in this order'),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/)
      .toLowerCase()
      .optional()
      .describe('SHA-256 that the bytes written must have'),
    metalink: GivenMetalink.optional().describe('Metalink document that the file must match; only without ranges'),
    overwrite: z.boolean().default(true).describe('whether a file at the destination may be replaced'),
  })
  .meta({ id: 'JobFileRequest' });
export type JobFileRequest = z.output<typeof JobFileRequest>;
export type JobFileRequestInput = z.input<typeof JobFileRequest>;

/** A job to make: its properties, and optionally its first files. */
export const JobRequest = JobProperties.extend({
  type: z.enum(JOB_TYPES).default('DOWNLOAD'),
  files: z.array(JobFileRequest).max(100_000).default([]),
  resume: z.boolean().default(false).describe('begin at once instead of waiting for resume'),
}).meta({ id: 'JobRequest' });
export type JobRequest = z.output<typeof JobRequest>;
export type JobRequestInput = z.input<typeof JobRequest>;

/** Schemes of credentials; BITS' NTLM, NEGOTIATE and PASSPORT are refused with BG_E_INVALID_AUTH_SCHEME. */
export const AUTH_SCHEMES = ['BASIC', 'DIGEST', 'BEARER'] as const;
export type AuthScheme = (typeof AUTH_SCHEMES)[number];

/** Credentials for the origin or the proxy; they are never shown again. Judged by the job service. */
export const JobCredentials = z
  .strictObject({
    target: z.string().max(32).describe('SERVER or PROXY'),
    scheme: z.string().max(32).describe('BASIC, DIGEST or BEARER'),
    user: z.string().max(70_000).nullable().describe('null for BEARER'),
    password: z.string().max(70_000).describe('password, or the token of BEARER'),
  })
  .meta({ id: 'JobCredentials' });
export type JobCredentials = z.output<typeof JobCredentials>;

/** A client certificate with its key, both PEM; the key is never shown again. */
export const JobClientCertificate = z
  .strictObject({ certificatePem: z.string().max(65_536), keyPem: z.string().max(65_536) })
  .meta({ id: 'JobClientCertificate' });
export type JobClientCertificate = z.output<typeof JobClientCertificate>;

/** An error of a job (BITS: IBackgroundCopyError). */
export const JobErrorView = z
  .object({
    code: z.string().describe('name of the code, such as BG_E_HTTP_ERROR_404') as unknown as z.ZodType<ErrorCode>,
    hresult: z.string().describe('the number of the code, such as 0x80190194'),
    kind: z.enum(['fatal', 'transient']),
    context: z.enum(ERROR_CONTEXTS),
    message: z.string(),
    hint: z.string().nullable().describe('the next step for a person'),
    file: z.int().nullable().describe('index of the file, or null when the error belongs to none'),
    protocol: z.string().nullable().describe('such as https, or null when the error belongs to none'),
    cause: z.string().describe('the finer code of the node, such as E_ORIGIN_STATUS'),
    details: z.record(z.string(), z.unknown()),
    atMs: TIME_MS,
  })
  .meta({ id: 'JobError' });
export type JobErrorView = z.infer<typeof JobErrorView>;

/** Whether the application, or the completion of the job, accepted a file. */
export const Validation = z.enum(['unknown', 'valid', 'invalid']);
export type Validation = z.infer<typeof Validation>;

/** One file of a job as callers see it. */
export const JobFileView = z
  .object({
    index: z.int().min(0).describe('place in the job, from 0'),
    remoteUrl: z.string(),
    localName: z.string(),
    temporaryName: z.string().nullable().describe('readable while the file is fetched; null before and after'),
    ranges: z.array(JobRange).nullable(),
    sha256: z.string().nullable(),
    metalink: z
      .object({ url: z.string().nullable().describe('null when its text was given') })
      .nullable()
      .describe('the Metalink document that was given for the file'),
    overwrite: z.boolean(),
    bytesTotal: BYTES.nullable().describe('null while the size is not known (BITS: BG_SIZE_UNKNOWN)'),
    bytesTransferred: BYTES,
    bytesFromPeers: BYTES,
    bytesFromOrigin: BYTES,
    bytesFromCache: BYTES,
    transferred: z.boolean().describe('whether all its bytes are here'),
    completed: z.boolean().describe('whether it lies under its own name'),
    validation: Validation,
    version: z
      .object({ size: BYTES, lastModifiedMs: TIME_MS.nullable(), etag: z.string().nullable() })
      .nullable()
      .describe('which content the URL stood for'),
    responseHeaders: z.record(z.string(), z.string()).nullable().describe('headers of the last answer of the origin'),
    sharing: z.enum(['pending', 'shared', 'not-shared']).describe('whether neighbours can have it'),
    sharingReason: z.string().nullable(),
  })
  .meta({ id: 'JobFile' });
export type JobFileView = z.infer<typeof JobFileView>;

/** One job as callers see it. */
export const JobView = z
  .object({
    id: z.string(),
    type: z.enum(JOB_TYPES),
    state: z.enum(JOB_STATES),
    owner: z.string(),
    createdMs: TIME_MS,
    modifiedMs: TIME_MS.describe('last change of a property or state, or last byte'),
    transferredMs: TIME_MS.nullable().describe('when the last file was there'),
    endedMs: TIME_MS.nullable(),
    files: z.object({ total: z.int(), transferred: z.int() }),
    bytes: z.object({
      total: BYTES.nullable().describe('null while a size is not known'),
      transferred: BYTES,
      fromPeers: BYTES,
      fromOrigin: BYTES,
      fromCache: BYTES,
    }),
    errorCount: z.int().min(0),
    error: JobErrorView.nullable(),
    retryAtMs: TIME_MS.nullable().describe('when a transient error is tried again; null when not by time'),
    properties: JobProperties.extend({
      webhook: Webhook.omit({ secret: true }).nullable(),
      customHeaders: z.record(z.string(), z.string()).nullable().describe('null when they are write-only'),
    }),
    credentials: z.array(z.object({ target: z.string(), scheme: z.string(), user: z.string().nullable() })),
    clientCertificate: z.object({ subject: z.string(), sha256: z.string() }).nullable(),
  })
  .meta({ id: 'Job' });
export type JobView = z.infer<typeof JobView>;

/** The result of a call that may succeed with a remark. */
export const CallResult = z
  .object({
    code: z.enum(['S_OK', 'S_FALSE', 'BG_S_PARTIAL_COMPLETE', 'BG_S_UNABLE_TO_DELETE_FILES']),
    job: JobView,
  })
  .meta({ id: 'CallResult' });
export type CallResult = z.infer<typeof CallResult>;

/** A range of the remote file that is there. */
export const FilledRange = z.object({ offset: BYTES, length: BYTES });
export type FilledRange = z.infer<typeof FilledRange>;

/** Kinds of notifications (BITS: IBackgroundCopyCallback 1 to 3). */
export const NOTIFICATION_KINDS = [
  'transferred',
  'error',
  'modification',
  'file-transferred',
  'file-ranges-transferred',
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** Something an owner is told about a job, again and again until it is acknowledged. */
export const JobNotification = z
  .object({
    id: z.string().describe('sorts by age; acknowledge with it'),
    jobId: z.string(),
    owner: z.string(),
    kind: z.enum(NOTIFICATION_KINDS),
    atMs: TIME_MS,
    attempt: z.int().min(1).describe('how often it was delivered on this way'),
    file: z.int().nullable(),
    ranges: z.array(FilledRange).nullable(),
    job: z
      .object({ displayName: z.string(), state: z.enum(JOB_STATES), error: JobErrorView.nullable() })
      .describe('the job when it happened'),
  })
  .meta({ id: 'JobNotification' });
export type JobNotification = z.infer<typeof JobNotification>;
