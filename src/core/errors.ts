import type { BitsCode } from './bits-codes.ts';

/**
 * Every failure the node reports carries one of these codes. A code exists only
 * where a caller, a person or a script acts differently on it; everything else
 * is told by the message and the details.
 */
export type ErrorCode =
  /** A code of BITS: see bits-codes.ts. */
  | BitsCode
  /** An argument is of the wrong form or outside its range. */
  | 'E_INVALID_ARGUMENT'
  /** Not an absolute http or https URL, too long, or with credentials in it. */
  | 'E_INVALID_URL'
  /** Ranges are empty, overlap, are too many, or lie beyond the end of the file. */
  | 'E_INVALID_RANGE'
  /** The destination exists, is a directory, or its folder is missing or not writable. */
  | 'E_DESTINATION'
  /** The file system has no room for the file. */
  | 'E_DISK_FULL'
  /** A configuration file or policy cannot be accepted. */
  | 'E_CONFIG'
  /** This machine is not a member of a domain, or already of another one. */
  | 'E_DOMAIN'
  /** A join token is damaged, of an unknown version, or expired. */
  | 'E_TOKEN'
  /** A certificate chain does not prove membership. */
  | 'E_CERTIFICATE'
  /** Another process uses the data directory. */
  | 'E_ALREADY_RUNNING'
  /** A port or socket is in use or may not be opened. */
  | 'E_LISTEN'
  /** No node answers on the local API. */
  | 'E_NOT_RUNNING'
  /** The local API refuses the caller: no token, a wrong one, or a web page of another origin. */
  | 'E_FORBIDDEN'
  /** The named record, transfer or peer does not exist. */
  | 'E_NOT_FOUND'
  /** The record is being read or served; try again shortly. */
  | 'E_BUSY'
  /** The caller stopped the operation. */
  | 'E_CANCELLED'
  /** The origin did not answer: name, connection, TLS or a gateway in between. Transient. */
  | 'E_ORIGIN_UNREACHABLE'
  /** The origin answered with a status that says no, such as 403, 404 or 410. */
  | 'E_ORIGIN_STATUS'
  /** The origin is overloaded or failing: 408, 429 and 5xx. Transient. */
  | 'E_ORIGIN_FAILING'
  /** The origin let a named time limit pass. Transient. */
  | 'E_ORIGIN_TIMEOUT'
  /** The origin closed before it sent what it announced. Transient. */
  | 'E_ORIGIN_TRUNCATED'
  /** The origin broke HTTP: wrong Content-Range, wrong length, redirect loop. */
  | 'E_ORIGIN_PROTOCOL'
  /** The origin cannot serve ranges although they were needed. */
  | 'E_ORIGIN_NO_RANGES'
  /** The file at the origin is another version than the one being fetched. */
  | 'E_ORIGIN_CHANGED'
  /** A peer could not be reached or went away. */
  | 'E_PEER_UNREACHABLE'
  /** A peer failed the membership exchange or showed a bad certificate. */
  | 'E_PEER_UNAUTHENTICATED'
  /** A peer has no free slot; its answer says when to ask again. */
  | 'E_PEER_BUSY'
  /** A peer let a named time limit pass. */
  | 'E_PEER_TIMEOUT'
  /** A peer no longer holds the record. */
  | 'E_PEER_GONE'
  /** A peer broke the protocol: garbage, oversized or truncated messages, wrong lengths. */
  | 'E_PEER_PROTOCOL'
  /** A peer sent bytes that do not match the piece hashes. */
  | 'E_PEER_BAD_DATA'
  /** The whole file does not match the digest that was asked for. */
  | 'E_VALIDATION_FAILED'
  /** The cache cannot take the content: too large, or no room after eviction. */
  | 'E_CACHE_FULL'
  /** Content in the cache does not match its record any more. */
  | 'E_CACHE_DAMAGED'
  /** Reading or writing a local file failed for another reason. */
  | 'E_IO'
  /** A bug in the node. */
  | 'E_INTERNAL';

/** Extra facts for people and programs; values must survive JSON. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What a {@link NearbitsError} may carry beside its message. */
export interface NearbitsErrorOptions {
  /** The failure underneath, kept for logs. */
  readonly cause?: unknown;
  /** Facts that a program may read. */
  readonly details?: ErrorDetails;
  /** One sentence that tells a person the next step. */
  readonly hint?: string;
}

/** The one error class of the node; callers switch on `code`, never on text. */
export class NearbitsError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: NearbitsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NearbitsError';
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }
}

const TRANSIENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_ORIGIN_UNREACHABLE',
  'E_ORIGIN_FAILING',
  'E_ORIGIN_TIMEOUT',
  'E_ORIGIN_TRUNCATED',
  'E_PEER_UNREACHABLE',
  'E_PEER_BUSY',
  'E_PEER_TIMEOUT',
  'E_BUSY',
]);

/** Whether the same request may succeed later without anybody changing it (BITS: transient or fatal). */
export function isTransient(code: ErrorCode): boolean {
  return TRANSIENT.has(code);
}

/** Turns anything that was thrown into a {@link NearbitsError}, keeping the original as its cause. */
export function toNearbitsError(error: unknown, fallback: ErrorCode = 'E_INTERNAL'): NearbitsError {
  if (error instanceof NearbitsError) return error;
  if (isAbortError(error)) return new NearbitsError('E_CANCELLED', 'the operation was stopped', { cause: error });
  const systemCode = systemErrorCode(error);
  if (systemCode === 'ENOSPC' || systemCode === 'EDQUOT') {
    return new NearbitsError('E_DISK_FULL', 'the disk is full', {
      cause: error,
      hint: 'Free some space and start the transfer again; what was fetched is kept.',
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new NearbitsError(fallback, message, { cause: error });
}

/** The code that Node gives system errors (`ENOENT`, `ECONNREFUSED`), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether the error came from an aborted signal. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
