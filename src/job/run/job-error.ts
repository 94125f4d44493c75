import {
  type BitsCode,
  bitsFacts,
  type ErrorContext,
  httpErrorCode,
  isBitsCode,
  printHresult,
} from '../../core/bits-codes.ts';
import { type ErrorCode, isTransient, type NearbitsError, systemErrorCode } from '../../core/errors.ts';
import type { JobErrorView } from '../model/view.ts';
import { hintFor } from './error-hints.ts';

/** What a failure of a job is in the terms of BITS. */
type Verdict = Pick<JobErrorView, 'code' | 'hresult' | 'kind' | 'context'>;

/** Where a job was when it failed. */
export interface ErrorPlace {
  /** Index of the file, or null when the failure belongs to none. */
  readonly file: number | null;
  /** What was being fetched, or null. */
  readonly url: string | null;
}

/** The number of failures that BITS has no code for: unspecified (E_FAIL). */
const UNSPECIFIED = 0x80004005;

/** Codes that are the same whatever the details say. */
const SAME: Partial<Record<ErrorCode, BitsCode>> = {
  E_ORIGIN_TIMEOUT: 'ERROR_WINHTTP_TIMEOUT',
  E_ORIGIN_TRUNCATED: 'BG_E_CONNECTION_CLOSED',
  E_ORIGIN_NO_RANGES: 'BG_E_INSUFFICIENT_RANGE_SUPPORT',
  E_ORIGIN_CHANGED: 'BG_E_REMOTE_FILE_CHANGED',
  E_INVALID_RANGE: 'BG_E_INVALID_RANGE',
  E_VALIDATION_FAILED: 'BG_E_VALIDATION_FAILED',
  E_DISK_FULL: 'ERROR_DISK_FULL',
};

/** What the system says when a local file cannot be used. */
const BY_SYSTEM_CODE: Readonly<Record<string, BitsCode>> = {
  ENOENT: 'BG_E_FILE_NOT_FOUND',
  ENOTDIR: 'BG_E_FILE_NOT_FOUND',
  EACCES: 'E_ACCESSDENIED',
  EPERM: 'E_ACCESSDENIED',
  EROFS: 'E_ACCESSDENIED',
  EBUSY: 'BG_E_DESTINATION_LOCKED',
  EXDEV: 'BG_E_VOLUME_CHANGED',
  ENOSPC: 'ERROR_DISK_FULL',
  EDQUOT: 'ERROR_DISK_FULL',
};

/**
 * Errors that wait for the end of a condition; nobody tries again by time (BITS: BG_JOB_STATE_TRANSIENT_ERROR). A locked
 * volume is not among them, as it is in BITS: here nobody tells when the lock ends, so it is tried.
 */
const CONDITIONS: ReadonlySet<string> = new Set<BitsCode>([
  'BG_E_NETWORK_DISCONNECTED',
  'BG_E_BLOCKED_BY_POLICY',
  'BG_E_BLOCKED_BY_COST_TRANSFER_POLICY',
]);

/** Whether a transient error ends with a condition and not by trying again after some time. */
export function waitsForCondition(code: string): boolean {
  return CONDITIONS.has(code);
}

/**
 * Tells a failure in the terms of BITS: code, number, class and context (IBackgroundCopyError), with the finer code of
 * the node beside them and the next step for a person. What BITS has no code for keeps the code of the node.
 */
export function toJobError(error: NearbitsError, where: ErrorPlace, nowMs: number): JobErrorView {
  const verdict = judge(error);
  return {
    ...verdict,
    message: error.message,
    hint: error.hint ?? hintFor(verdict.code),
    file: where.file,
    protocol: isRemote(verdict.context) ? protocolOf(where.url) : null,
    cause: error.code,
    details: { ...error.details },
    atMs: nowMs,
  };
}

function judge(error: NearbitsError): Verdict {
  const code = bitsCodeOf(error);
  if (code === null) return unspecified(error.code);
  const { hresult, kind, context } = bitsFacts(code);
  return {
    code,
    hresult: printHresult(hresult),
    kind: kind === 'transient' ? 'transient' : 'fatal',
    context: context === 'NONE' ? contextOfCall(error.code) : context,
  };
}

function bitsCodeOf(error: NearbitsError): BitsCode | null {
  if (isBitsCode(error.code)) return error.code;
  if (error.code === 'E_ORIGIN_UNREACHABLE') return ofUnreachable(error);
  if (error.code === 'E_ORIGIN_STATUS' || error.code === 'E_ORIGIN_FAILING') return ofStatus(error);
  if (error.code === 'E_ORIGIN_PROTOCOL') return ofProtocol(error);
  if (error.code === 'E_DESTINATION') return ofSystemCode(error) ?? 'E_ACCESSDENIED';
  if (error.code === 'E_IO') return ofSystemCode(error);
  return SAME[error.code] ?? null;
}

function ofUnreachable(error: NearbitsError): BitsCode {
  if (error.details.certificate !== undefined) return 'ERROR_WINHTTP_SECURE_FAILURE';
  const reason = error.details.reason ?? systemCodeOf(error);
  return reason === 'ENOTFOUND' || reason === 'EAI_AGAIN' ? 'WININET_E_NAME_NOT_RESOLVED' : 'BG_E_CONNECT_FAILURE';
}

function ofStatus(error: NearbitsError): BitsCode {
  const { status } = error.details;
  const known = typeof status === 'number' && Number.isInteger(status) && status >= 100 && status <= 999;
  return known ? httpErrorCode(status) : 'BG_E_INVALID_SERVER_RESPONSE';
}

function ofProtocol(error: NearbitsError): BitsCode {
  return error.details.limit === 'maxFileBytes' ? 'BG_E_TOO_LARGE' : 'BG_E_INVALID_SERVER_RESPONSE';
}

function ofSystemCode(error: NearbitsError): BitsCode | null {
  return BY_SYSTEM_CODE[systemCodeOf(error) ?? ''] ?? null;
}

/** The system's own code, which lies somewhere under the error. */
function systemCodeOf(error: NearbitsError): string | undefined {
  const told = error.details.systemCode;
  if (typeof told === 'string') return told;
  let cause = error.cause;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return systemErrorCode(cause);
}

/** Codes that usually refuse a call, such as E_ACCESSDENIED, have no context of their own: as the end of a job they have one. */
function contextOfCall(code: ErrorCode): ErrorContext {
  if (code === 'E_DESTINATION' || code === 'E_IO' || code === 'E_ACCESSDENIED') return 'LOCAL_FILE';
  return 'GENERAL_QUEUE_MANAGER';
}

function unspecified(code: ErrorCode): Verdict {
  return {
    code,
    hresult: printHresult(UNSPECIFIED),
    kind: isTransient(code) ? 'transient' : 'fatal',
    context: code === 'E_IO' ? 'LOCAL_FILE' : 'UNKNOWN',
  };
}

function isRemote(context: ErrorContext): boolean {
  return context === 'REMOTE_FILE' || context === 'GENERAL_TRANSPORT';
}

function protocolOf(url: string | null): string | null {
  const parsed = url === null ? null : URL.parse(url);
  return parsed === null ? null : parsed.protocol.slice(0, -1);
}
