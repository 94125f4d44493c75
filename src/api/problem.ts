import { z } from 'zod';
import { type BitsCode, bitsFacts, isBitsCode } from '../core/bits-codes.ts';
import type { ErrorCode, NearbitsError } from '../core/errors.ts';
import { type Refusal, refusalOf } from '../core/refusal.ts';

/** An error as the API tells it: RFC 9457 problem details with the node's own code, hint and details. */
export const Problem = z
  .object({
    type: z.string().describe('URI that names the kind of problem'),
    title: z.string().describe('the same for every problem of this kind'),
    status: z.int(),
    detail: z.string().describe('what went wrong this time'),
    code: z.string().describe('stable name of the failure, such as E_NOT_FOUND'),
    hint: z.string().nullable().describe('the next step for a person'),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** Media type of {@link Problem} (RFC 9457 section 6.1). */
export const PROBLEM_TYPE = 'application/problem+json';

/** The problem that tells an error; the cause stays in the log. */
export function toProblem(error: NearbitsError): Problem {
  return {
    type: `urn:x-nearbits:${error.code}`,
    title: titleOf(error.code),
    status: statusOf(error.code),
    detail: error.message,
    code: error.code,
    hint: error.hint ?? null,
    details: { ...error.details },
  };
}

/** The answer that tells an error; some carry another status than their code has, or headers of their own. */
export function problemResponse(
  error: NearbitsError,
  { status = statusOf(error.code), headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const problem = { ...toProblem(error), status };
  return new Response(JSON.stringify(problem), { status, headers: { 'content-type': PROBLEM_TYPE, ...headers } });
}

/** `E_NOT_FOUND` reads `not found`; the codes of BITS bring their meaning along. */
function titleOf(code: ErrorCode): string {
  if (isBitsCode(code)) return bitsFacts(code).meaning;
  return code.slice(2).toLowerCase().replaceAll('_', ' ');
}

/** The statuses of problems. */
export type ProblemStatus = 400 | 403 | 404 | 409 | 422 | 500 | 501 | 502 | 503 | 504 | 507;

/** The one place where failures become HTTP statuses. */
export function statusOf(code: ErrorCode): ProblemStatus {
  if (isBitsCode(code)) return bitsStatus(code);
  switch (code) {
    case 'E_INVALID_ARGUMENT':
    case 'E_INVALID_URL':
    case 'E_INVALID_RANGE':
    case 'E_TOKEN':
      return 400;
    case 'E_FORBIDDEN':
      return 403;
    case 'E_NOT_FOUND':
      return 404;
    case 'E_DESTINATION':
    case 'E_DOMAIN':
    case 'E_ALREADY_RUNNING':
    case 'E_BUSY':
    case 'E_CANCELLED':
      return 409;
    case 'E_CONFIG':
    case 'E_CERTIFICATE':
    case 'E_VALIDATION_FAILED':
      return 422;
    case 'E_ORIGIN_UNREACHABLE':
    case 'E_ORIGIN_STATUS':
    case 'E_ORIGIN_FAILING':
    case 'E_ORIGIN_TRUNCATED':
    case 'E_ORIGIN_PROTOCOL':
    case 'E_ORIGIN_NO_RANGES':
    case 'E_ORIGIN_CHANGED':
    case 'E_PEER_UNREACHABLE':
    case 'E_PEER_UNAUTHENTICATED':
    case 'E_PEER_GONE':
    case 'E_PEER_PROTOCOL':
    case 'E_PEER_BAD_DATA':
      return 502;
    case 'E_PEER_BUSY':
    case 'E_NOT_RUNNING':
    case 'E_LISTEN':
      return 503;
    case 'E_ORIGIN_TIMEOUT':
    case 'E_PEER_TIMEOUT':
      return 504;
    case 'E_DISK_FULL':
    case 'E_CACHE_FULL':
      return 507;
    case 'E_CACHE_DAMAGED':
    case 'E_IO':
    case 'E_INTERNAL':
      return 500;
    default:
      return unreachable(code);
  }
}

function unreachable(code: never): 500 {
  void code;
  return 500;
}

const REFUSAL_STATUS: Readonly<Record<Refusal, ProblemStatus>> = {
  argument: 400,
  denied: 403,
  absent: 404,
  state: 409,
  broken: 500,
  unsupported: 501,
};

/** Codes that tell how a job failed, where another status than that of a failed origin says more. */
const FAILURE_STATUS: Partial<Record<BitsCode, ProblemStatus>> = {
  BG_E_VALIDATION_FAILED: 422,
  BG_E_DESTINATION_LOCKED: 503,
  ERROR_DISK_FULL: 507,
};

function bitsStatus(code: BitsCode): ProblemStatus {
  const refusal = refusalOf(code);
  return refusal === null ? (FAILURE_STATUS[code] ?? 502) : REFUSAL_STATUS[refusal];
}
