import { type BitsCode, bitsFacts, type ErrorContext, isBitsCode } from '../core/bits-codes.ts';
import type { ErrorCode } from '../core/errors.ts';
import { type Refusal, refusalOf } from '../core/refusal.ts';

/**
 * Exit codes of the command line, for scripts. They group failures by what a script does next; the exact code of a
 * failure is in the JSON output.
 */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** The node failed in a way that is not the caller's doing. */
  failed: 1,
  /** Wrong arguments: the command was not understood and nothing was done. */
  usage: 2,
  /** The configuration, or the membership of the domain, is not acceptable. */
  configuration: 3,
  /** What was named does not exist. */
  notFound: 4,
  /** No node runs where one is needed, or one runs where none may. */
  running: 5,
  /** The origin did not deliver. */
  origin: 6,
  /** The bytes do not match the digest that was asked for. */
  validation: 7,
  /** The destination or the disk cannot take the file. */
  disk: 8,
  /** Busy; the same command may work in a moment. */
  busy: 9,
  /** A neighbour failed; only commands that speak to one directly end so. */
  peer: 10,
  /** Not possible as things stand: the state of the job does not allow it, or a limit is reached. */
  state: 11,
  /** Stopped by the user (128 + SIGINT). */
  cancelled: 130,
} as const;

/** One of the values of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The one place where failures become exit codes. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  if (isBitsCode(code)) return exitCodeOfBits(code);
  switch (code) {
    case 'E_INVALID_ARGUMENT':
    case 'E_INVALID_URL':
    case 'E_INVALID_RANGE':
      return EXIT.usage;
    case 'E_CONFIG':
    case 'E_DOMAIN':
    case 'E_TOKEN':
    case 'E_CERTIFICATE':
    case 'E_FORBIDDEN':
      return EXIT.configuration;
    case 'E_NOT_FOUND':
      return EXIT.notFound;
    case 'E_NOT_RUNNING':
    case 'E_ALREADY_RUNNING':
    case 'E_LISTEN':
      return EXIT.running;
    case 'E_ORIGIN_UNREACHABLE':
    case 'E_ORIGIN_STATUS':
    case 'E_ORIGIN_FAILING':
    case 'E_ORIGIN_TIMEOUT':
    case 'E_ORIGIN_TRUNCATED':
    case 'E_ORIGIN_PROTOCOL':
    case 'E_ORIGIN_NO_RANGES':
    case 'E_ORIGIN_CHANGED':
      return EXIT.origin;
    case 'E_VALIDATION_FAILED':
      return EXIT.validation;
    case 'E_DESTINATION':
    case 'E_DISK_FULL':
    case 'E_CACHE_FULL':
      return EXIT.disk;
    case 'E_BUSY':
    case 'E_PEER_BUSY':
      return EXIT.busy;
    case 'E_PEER_UNREACHABLE':
    case 'E_PEER_UNAUTHENTICATED':
    case 'E_PEER_TIMEOUT':
    case 'E_PEER_GONE':
    case 'E_PEER_PROTOCOL':
    case 'E_PEER_BAD_DATA':
      return EXIT.peer;
    case 'E_CANCELLED':
      return EXIT.cancelled;
    case 'E_CACHE_DAMAGED':
    case 'E_IO':
    case 'E_INTERNAL':
      return EXIT.failed;
    default:
      return unknown(code);
  }
}

/** A node of a newer version may use a code that this program does not know. */
function unknown(code: never): ExitCode {
  void code;
  return EXIT.failed;
}

const EXIT_OF_REFUSAL: Readonly<Record<Refusal, ExitCode>> = {
  argument: EXIT.usage,
  denied: EXIT.configuration,
  absent: EXIT.notFound,
  state: EXIT.state,
  unsupported: EXIT.usage,
  broken: EXIT.failed,
};

/** Where a job failed says who has to act. */
const EXIT_OF_CONTEXT: Partial<Record<ErrorContext, ExitCode>> = {
  LOCAL_FILE: EXIT.disk,
  REMOTE_FILE: EXIT.origin,
  GENERAL_TRANSPORT: EXIT.origin,
};

function exitCodeOfBits(code: BitsCode): ExitCode {
  if (code === 'BG_E_VALIDATION_FAILED') return EXIT.validation;
  if (code === 'BG_E_BUSYCACHERECORD') return EXIT.busy;
  const refusal = refusalOf(code);
  if (refusal !== null) return EXIT_OF_REFUSAL[refusal];
  const { kind, context } = bitsFacts(code);
  if (kind === 'success') return EXIT.ok;
  return EXIT_OF_CONTEXT[context] ?? EXIT.failed;
}
