import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { MAX_RANGES } from '../../core/byte-range.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { GivenMetalink } from './view.ts';

/**
 * What a caller can say about a transfer and what it can see of one. These
 * shapes are the contract between the job layer, the local API and the SDK.
 */

/** How a transfer is scheduled: `foreground` waits less for neighbours before it turns to the origin. */
export const TransferPriority = z
  .enum(['foreground', 'background'])
  .meta({ id: 'TransferPriority', description: 'foreground waits less for neighbours before it turns to the origin' });
export type TransferPriority = z.infer<typeof TransferPriority>;

const BYTES = z.int().min(0);
const TIME_MS = z.number().describe('milliseconds since 1970');

/**
 * A wish to have a file. The URL and the ranges are checked by the job layer, which answers E_INVALID_URL and
 * E_INVALID_RANGE; here only their form is bounded.
 */
export const TransferRequest = z
  .strictObject({
    url: z.string().min(1).max(16_384).describe('http or https URL without credentials, at most 2,200 characters'),
    destination: z
      .string()
      .max(4096)
      .refine(isAbsolute, { error: 'the destination must be an absolute path' })
      .describe('absolute path of the file to write'),
    ranges: z
      .array(z.string().max(40))
      .min(1)
      .max(MAX_RANGES)
      .optional()
      .describe('byte ranges "first-last" (both included) or "first-", written back to back in this order'),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, { error: 'a SHA-256 digest has 64 hexadecimal digits' })
      .toLowerCase()
      .optional()
      .describe('SHA-256 that the bytes written must have'),
    metalink: GivenMetalink.optional().describe('Metalink document that the file must match; only without ranges'),
    usePeers: z.boolean().default(true).describe('whether neighbours may be asked'),
    share: z.boolean().default(true).describe('whether neighbours may have the result'),
    priority: TransferPriority.default('background'),
    overwrite: z.boolean().default(false).describe('whether a file at the destination may be replaced'),
  })
  .meta({ id: 'TransferRequest' });
/** A checked wish, with defaults filled in. */
export type TransferRequest = z.output<typeof TransferRequest>;
/** What a caller has to give. */
export type TransferRequestInput = z.input<typeof TransferRequest>;

/** Where a transfer stands; the last three are final. */
export const TransferState = z
  .enum(['queued', 'running', 'completed', 'failed', 'cancelled'])
  .meta({ id: 'TransferState' });
export type TransferState = z.infer<typeof TransferState>;

/** Whether nothing will happen to a transfer of this state any more. */
export function isFinal(state: TransferState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/** Why something failed, as programs and people read it. */
export const ErrorView = z
  .object({
    // The codes are open here, so that a client of one version reads the answers of the next.
    code: z.string().describe('stable name of the failure, such as E_ORIGIN_STATUS') as unknown as z.ZodType<ErrorCode>,
    message: z.string(),
    hint: z.string().nullable().describe('the next step for a person'),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'ErrorView' });
export type ErrorView = z.infer<typeof ErrorView>;

/** Which content the URL stood for; the same facts as core/file-version.ts. */
export const FileVersionView = z
  .object({
    size: BYTES.describe('size of the whole file in bytes'),
    lastModifiedMs: TIME_MS.nullable(),
    etag: z.string().nullable(),
  })
  .meta({ id: 'FileVersion' });

/** One transfer as callers see it. */
export const TransferView = z
  .object({
    id: z.string(),
    url: z.string(),
    destination: z.string(),
    ranges: z.array(z.string()).nullable(),
    state: TransferState,
    sharing: z
      .enum(['pending', 'shared', 'not-shared'])
      .describe('whether neighbours can have the result; pending until the transfer ended'),
    sharingReason: z.string().nullable().describe('why it is not shared'),
    bytesTotal: BYTES.nullable().describe('bytes to write; null while the size is not known'),
    bytesDone: BYTES,
    bytesFromPeers: BYTES,
    bytesFromOrigin: BYTES,
    bytesFromCache: BYTES,
    version: FileVersionView.nullable(),
    sha256: z.string().nullable().describe('digest of the bytes written; null unless one was asked for'),
    priority: TransferPriority,
    createdMs: TIME_MS,
    startedMs: TIME_MS.nullable(),
    finishedMs: TIME_MS.nullable(),
    error: ErrorView.nullable(),
  })
  .meta({ id: 'Transfer' });
export type TransferView = z.infer<typeof TransferView>;

/** One decision of a transfer and its reason. */
export const TraceEntry = z
  .object({
    atMs: TIME_MS,
    code: z.string().describe('stable reason code, such as peers.none-found'),
    text: z.string().describe('the same as a sentence'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TraceEntry' });
export type TraceEntry = z.infer<typeof TraceEntry>;
