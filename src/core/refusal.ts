import { type BitsCode, bitsFacts } from './bits-codes.ts';

/** Why a call is refused, as far as callers act differently on it; HTTP statuses and exit codes follow from it. */
export type Refusal =
  /** What was asked for has a wrong form or value. */
  | 'argument'
  /** What was named does not exist, or not for this caller. */
  | 'absent'
  /** The caller may not do it. */
  | 'denied'
  /** Not as things stand: the state of the job, a limit, or something that is not there yet. */
  | 'state'
  /** This system cannot do it at all. */
  | 'unsupported'
  /** The node is at fault. */
  | 'broken';

/** Codes that refuse a call for another reason than a bad argument, and those of jobs that refuse calls too. */
const REFUSALS: Partial<Record<BitsCode, Refusal>> = {
  BG_E_NOT_FOUND: 'absent',
  BG_E_RECORD_DELETED: 'absent',
  E_ACCESSDENIED: 'denied',
  BG_E_REMOTE_NOT_SUPPORTED: 'denied',
  BG_E_NEW_OWNER_NO_FILE_ACCESS: 'denied',
  BG_E_INVALID_STATE: 'state',
  BG_E_EMPTY: 'state',
  BG_E_ERROR_INFORMATION_UNAVAILABLE: 'state',
  BG_E_FILE_NOT_AVAILABLE: 'state',
  BG_E_PROTOCOL_NOT_AVAILABLE: 'state',
  BG_E_TOO_MANY_FILES: 'state',
  BG_E_TOO_MANY_JOBS_PER_USER: 'state',
  BG_E_TOO_MANY_JOBS_PER_MACHINE: 'state',
  BG_E_TOO_MANY_FILES_IN_JOB: 'state',
  BG_E_TOO_MANY_RANGES_IN_FILE: 'state',
  BG_E_PEERCACHING_DISABLED: 'state',
  BG_E_BUSYCACHERECORD: 'state',
  BG_E_READ_ONLY_PROPERTY: 'state',
  BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE: 'state',
  BG_E_READ_ONLY_PROPERTY_AFTER_RESUME: 'state',
  BG_E_READ_ONLY_WHEN_JOB_ACTIVE: 'state',
  BG_E_RANDOM_ACCESS_NOT_SUPPORTED: 'state',
  BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD: 'state',
  E_PENDING: 'state',
  E_NOTIMPL: 'unsupported',
  BG_E_DATABASE_CORRUPT: 'broken',
  BG_E_INVALID_RANGE: 'argument',
  BG_E_UNSUPPORTED_JOB_CONFIGURATION: 'argument',
  BG_E_FILE_NOT_FOUND: 'argument',
};

/** Why a call is refused with this code; null for codes that tell how a job failed. */
export function refusalOf(code: BitsCode): Refusal | null {
  return REFUSALS[code] ?? (bitsFacts(code).kind === 'call' ? 'argument' : null);
}
