/**
 * The codes of BITS with their numbers: what callers of the job service get and what jobs in error show. The numbers
 * and classes are those of the BITS documentation; codes that only make sense on Windows are left out.
 */

/** Where an error of a job happened (BG_ERROR_CONTEXT). */
export const ERROR_CONTEXTS = [
  'NONE',
  'UNKNOWN',
  'GENERAL_QUEUE_MANAGER',
  'QUEUE_MANAGER_NOTIFICATION',
  'LOCAL_FILE',
  'REMOTE_FILE',
  'GENERAL_TRANSPORT',
  'REMOTE_APPLICATION',
] as const;
export type ErrorContext = (typeof ERROR_CONTEXTS)[number];

/** What a code is: the end of a job, a reason to try again, the refusal of a call, or a note to a call that worked. */
export type BitsCodeKind = 'fatal' | 'transient' | 'call' | 'success';

/** What is known of one code. */
export interface BitsCodeFacts {
  /** The 32-bit HRESULT. */
  readonly hresult: number;
  readonly kind: BitsCodeKind;
  readonly context: ErrorContext;
  readonly meaning: string;
}

/** All named codes; those of the family BG_E_HTTP_ERROR_n are computed, see {@link bitsFacts}. */
// biome-ignore format: a table is read line by line
export const BITS_CODES = {
  BG_S_PARTIAL_COMPLETE: { hresult: 0x00200017, kind: 'success', context: 'NONE', meaning: 'some files were handed over, unfinished ones were deleted' },
  BG_S_UNABLE_TO_DELETE_FILES: { hresult: 0x0020001a, kind: 'success', context: 'NONE', meaning: 'temporary files are left over' },
  BG_S_ERROR_CONTEXT_NONE: { hresult: 0x00200006, kind: 'success', context: 'NONE', meaning: 'no error is recorded' },
  BG_S_PROXY_CHANGED: { hresult: 0x0020002a, kind: 'success', context: 'NONE', meaning: 'the list of proxies changed while it was in use' },
  BG_S_OVERRIDDEN_BY_POLICY: { hresult: 0x00200055, kind: 'success', context: 'NONE', meaning: 'stored, but the policy wins' },
  S_FALSE: { hresult: 0x00000001, kind: 'success', context: 'NONE', meaning: 'nothing matched, nothing was changed' },
  BG_E_NOT_FOUND: { hresult: 0x80200001, kind: 'call', context: 'NONE', meaning: 'the job or record is not known' },
  BG_E_INVALID_STATE: { hresult: 0x80200002, kind: 'call', context: 'NONE', meaning: 'the call is not allowed in this state' },
  BG_E_EMPTY: { hresult: 0x80200003, kind: 'call', context: 'NONE', meaning: 'the job has no files' },
  BG_E_FILE_NOT_AVAILABLE: { hresult: 0x80200004, kind: 'call', context: 'NONE', meaning: 'the error belongs to no file' },
  BG_E_PROTOCOL_NOT_AVAILABLE: { hresult: 0x80200005, kind: 'call', context: 'NONE', meaning: 'the error belongs to no protocol' },
  BG_E_DESTINATION_LOCKED: { hresult: 0x8020000d, kind: 'transient', context: 'LOCAL_FILE', meaning: 'the volume of the destination is locked' },
  BG_E_VOLUME_CHANGED: { hresult: 0x8020000e, kind: 'fatal', context: 'LOCAL_FILE', meaning: 'the volume of the destination was exchanged' },
  BG_E_ERROR_INFORMATION_UNAVAILABLE: { hresult: 0x8020000f, kind: 'call', context: 'NONE', meaning: 'there is no error to tell about' },
  BG_E_NETWORK_DISCONNECTED: { hresult: 0x80200010, kind: 'transient', context: 'GENERAL_TRANSPORT', meaning: 'there is no network' },
  BG_E_MISSING_FILE_SIZE: { hresult: 0x80200011, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the origin does not tell the size of the file' },
  BG_E_INSUFFICIENT_HTTP_SUPPORT: { hresult: 0x80200012, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the origin does not speak HTTP/1.1' },
  BG_E_INSUFFICIENT_RANGE_SUPPORT: { hresult: 0x80200013, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the origin, or a proxy before it, serves no ranges' },
  BG_E_REMOTE_NOT_SUPPORTED: { hresult: 0x80200014, kind: 'call', context: 'NONE', meaning: 'the service cannot be used from another machine' },
  BG_E_NEW_OWNER_NO_FILE_ACCESS: { hresult: 0x80200016, kind: 'call', context: 'NONE', meaning: 'the new owner may not read the temporary files' },
  BG_E_PROXY_LIST_TOO_LARGE: { hresult: 0x80200018, kind: 'call', context: 'NONE', meaning: 'the list of proxies is too long' },
  BG_E_PROXY_BYPASS_LIST_TOO_LARGE: { hresult: 0x80200019, kind: 'call', context: 'NONE', meaning: 'the list of hosts without proxy is too long' },
  BG_E_INVALID_SERVER_RESPONSE: { hresult: 0x8020001b, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the origin answered something else than was asked for' },
  BG_E_TOO_MANY_FILES: { hresult: 0x8020001c, kind: 'call', context: 'NONE', meaning: 'a job of this type takes one file only' },
  BG_E_TOO_LARGE: { hresult: 0x80200020, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the file is larger than is accepted' },
  BG_E_STRING_TOO_LONG: { hresult: 0x80200021, kind: 'call', context: 'NONE', meaning: 'the text is too long' },
  BG_E_NO_PROGRESS: { hresult: 0x80200024, kind: 'fatal', context: 'GENERAL_QUEUE_MANAGER', meaning: 'no progress within the no-progress timeout' },
  BG_E_USERNAME_TOO_LARGE: { hresult: 0x80200025, kind: 'call', context: 'NONE', meaning: 'the user name is too long' },
  BG_E_PASSWORD_TOO_LARGE: { hresult: 0x80200026, kind: 'call', context: 'NONE', meaning: 'the password is too long' },
  BG_E_INVALID_AUTH_TARGET: { hresult: 0x80200027, kind: 'call', context: 'NONE', meaning: 'credentials are for SERVER or PROXY' },
  BG_E_INVALID_AUTH_SCHEME: { hresult: 0x80200028, kind: 'call', context: 'NONE', meaning: 'the authentication scheme is not supported' },
  BG_E_FILE_NOT_FOUND: { hresult: 0x80200029, kind: 'fatal', context: 'LOCAL_FILE', meaning: 'a local file or its folder is missing' },
  BG_E_INVALID_RANGE: { hresult: 0x8020002b, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the range is empty or lies outside of the file' },
  BG_E_OVERLAPPING_RANGES: { hresult: 0x8020002c, kind: 'call', context: 'NONE', meaning: 'two ranges overlap' },
  BG_E_CONNECT_FAILURE: { hresult: 0x8020002d, kind: 'transient', context: 'GENERAL_TRANSPORT', meaning: 'no connection to the origin' },
  BG_E_CONNECTION_CLOSED: { hresult: 0x8020002e, kind: 'transient', context: 'GENERAL_TRANSPORT', meaning: 'the origin closed the connection too early' },
  BG_E_BLOCKED_BY_POLICY: { hresult: 0x8020003e, kind: 'transient', context: 'GENERAL_QUEUE_MANAGER', meaning: 'the policy leaves no bandwidth now' },
  BG_E_INVALID_PROXY_INFO: { hresult: 0x8020003f, kind: 'fatal', context: 'GENERAL_TRANSPORT', meaning: 'the proxy of the job cannot be used' },
  BG_E_INVALID_CREDENTIALS: { hresult: 0x80200040, kind: 'call', context: 'NONE', meaning: 'the credentials have a wrong form' },
  BG_E_RECORD_DELETED: { hresult: 0x80200042, kind: 'call', context: 'NONE', meaning: 'the cache record is gone' },
  BG_E_PEERCACHING_DISABLED: { hresult: 0x80200047, kind: 'call', context: 'NONE', meaning: 'peer caching is off' },
  BG_E_BUSYCACHERECORD: { hresult: 0x80200048, kind: 'call', context: 'NONE', meaning: 'the cache record is in use' },
  BG_E_TOO_MANY_JOBS_PER_USER: { hresult: 0x80200049, kind: 'call', context: 'NONE', meaning: 'the user has too many jobs' },
  BG_E_TOO_MANY_JOBS_PER_MACHINE: { hresult: 0x80200050, kind: 'call', context: 'NONE', meaning: 'the machine has too many jobs' },
  BG_E_TOO_MANY_FILES_IN_JOB: { hresult: 0x80200051, kind: 'call', context: 'NONE', meaning: 'the job has too many files' },
  BG_E_TOO_MANY_RANGES_IN_FILE: { hresult: 0x80200052, kind: 'call', context: 'NONE', meaning: 'the file has too many ranges' },
  BG_E_VALIDATION_FAILED: { hresult: 0x80200053, kind: 'fatal', context: 'LOCAL_FILE', meaning: 'the application, or the digest, says that the file is wrong' },
  BG_E_MAXDOWNLOAD_TIMEOUT: { hresult: 0x80200054, kind: 'fatal', context: 'GENERAL_QUEUE_MANAGER', meaning: 'the maximum download time is over' },
  BG_E_UNKNOWN_PROPERTY_ID: { hresult: 0x80200057, kind: 'call', context: 'NONE', meaning: 'there is no such property' },
  BG_E_READ_ONLY_PROPERTY: { hresult: 0x80200058, kind: 'call', context: 'NONE', meaning: 'the property can only be read' },
  BG_E_BLOCKED_BY_COST_TRANSFER_POLICY: { hresult: 0x80200059, kind: 'transient', context: 'GENERAL_QUEUE_MANAGER', meaning: 'the job may not use a network of this cost' },
  BG_E_PROPERTY_SUPPORTED_FOR_DOWNLOAD_JOBS_ONLY: { hresult: 0x80200060, kind: 'call', context: 'NONE', meaning: 'only download jobs have this property' },
  BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE: { hresult: 0x80200061, kind: 'call', context: 'NONE', meaning: 'the property is fixed once the job has a file' },
  BG_E_READ_ONLY_PROPERTY_AFTER_RESUME: { hresult: 0x80200062, kind: 'call', context: 'NONE', meaning: 'the property is fixed once the job was resumed' },
  BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE: { hresult: 0x80200063, kind: 'call', context: 'NONE', meaning: 'not a usable maximum download size' },
  BG_E_MAX_DOWNLOAD_SIZE_LIMIT_REACHED: { hresult: 0x80200064, kind: 'fatal', context: 'GENERAL_QUEUE_MANAGER', meaning: 'the job downloads more than its maximum' },
  BG_E_USE_STORED_CREDENTIALS_NOT_SUPPORTED: { hresult: 0x80200066, kind: 'call', context: 'NONE', meaning: 'stored credentials cannot be used for this target' },
  BG_E_DATABASE_CORRUPT: { hresult: 0x8020006c, kind: 'call', context: 'NONE', meaning: 'the store of jobs was unreadable and was made anew' },
  BG_E_RANDOM_ACCESS_NOT_SUPPORTED: { hresult: 0x8020006d, kind: 'call', context: 'NONE', meaning: 'this file cannot be fetched range by range' },
  BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD: { hresult: 0x80200071, kind: 'call', context: 'NONE', meaning: 'not possible with another HTTP method than GET' },
  BG_E_UNSUPPORTED_JOB_CONFIGURATION: { hresult: 0x80200072, kind: 'fatal', context: 'GENERAL_QUEUE_MANAGER', meaning: 'the properties of the job do not go together' },
  BG_E_REMOTE_FILE_CHANGED: { hresult: 0x80200073, kind: 'fatal', context: 'REMOTE_FILE', meaning: 'the file at the origin keeps changing' },
  BG_E_READ_ONLY_WHEN_JOB_ACTIVE: { hresult: 0x80200075, kind: 'call', context: 'NONE', meaning: 'the property cannot be changed while the job runs' },
  E_INVALIDARG: { hresult: 0x80070057, kind: 'call', context: 'NONE', meaning: 'an argument has a wrong form' },
  E_ACCESSDENIED: { hresult: 0x80070005, kind: 'call', context: 'NONE', meaning: 'the caller may not do this' },
  E_NOTIMPL: { hresult: 0x80004001, kind: 'call', context: 'NONE', meaning: 'not supported on this system' },
  E_PENDING: { hresult: 0x8000000a, kind: 'call', context: 'NONE', meaning: 'the file is not finished yet' },
  ERROR_DISK_FULL: { hresult: 0x80070070, kind: 'transient', context: 'LOCAL_FILE', meaning: 'the disk is full' },
  WININET_E_NAME_NOT_RESOLVED: { hresult: 0x80072ee7, kind: 'transient', context: 'REMOTE_FILE', meaning: 'the host name is not known' },
  ERROR_WINHTTP_SECURE_FAILURE: { hresult: 0x80072f8f, kind: 'fatal', context: 'GENERAL_TRANSPORT', meaning: 'the certificate of the origin is not trusted' },
  ERROR_WINHTTP_TIMEOUT: { hresult: 0x80072ee2, kind: 'transient', context: 'GENERAL_TRANSPORT', meaning: 'the origin let a time limit pass' },
  ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED: { hresult: 0x80072f0c, kind: 'fatal', context: 'GENERAL_TRANSPORT', meaning: 'the origin asks for a client certificate' },
} as const satisfies Record<string, BitsCodeFacts>;

/** A code by its name. */
export type BitsCode = keyof typeof BITS_CODES | `BG_E_HTTP_ERROR_${number}`;

const HTTP_ERROR = /^BG_E_HTTP_ERROR_(\d{3})$/;
const HTTP_ERROR_BASE = 0x80190000;
/** 3xx are transient but for these, which mean that the request as it is cannot succeed. */
const FATAL_3XX: ReadonlySet<number> = new Set([300, 301, 302, 303, 304, 305, 307, 308]);

/** Whether this is one of the codes of BITS. */
export function isBitsCode(code: string): code is BitsCode {
  return Object.hasOwn(BITS_CODES, code) || HTTP_ERROR.test(code);
}

/** The code for an HTTP status that ended a request. */
export function httpErrorCode(status: number): BitsCode {
  return `BG_E_HTTP_ERROR_${status}`;
}

/**
 * Whether a status is worth another try later: 3xx but for 300-305 and 307, 408, 409, and 5xx but for 501 and 505.
 * Statuses that came after BITS go with their siblings: 308 with 307, 425 and 429 with 408. Anything that is no error
 * status at all counts as transient.
 */
export function isTransientStatus(status: number): boolean {
  if (status >= 300 && status < 400) return !FATAL_3XX.has(status);
  if (status >= 400 && status < 500) return status === 408 || status === 409 || status === 425 || status === 429;
  return status !== 501 && status !== 505;
}

/** Number, class, context and meaning of a code. */
export function bitsFacts(code: BitsCode): BitsCodeFacts {
  const status = HTTP_ERROR.exec(code)?.[1];
  if (status === undefined) return BITS_CODES[code as keyof typeof BITS_CODES];
  return {
    hresult: HTTP_ERROR_BASE + Number(status),
    kind: isTransientStatus(Number(status)) ? 'transient' : 'fatal',
    context: 'REMOTE_FILE',
    meaning: `the origin answered with the status ${status}`,
  };
}

/** A HRESULT as BITS prints it: `0x80200002`. */
export function printHresult(hresult: number): string {
  return `0x${hresult.toString(16).toUpperCase().padStart(8, '0')}`;
}
