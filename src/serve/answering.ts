import type { ServerResponse } from 'node:http';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Logger } from '../observe/log.ts';
import { RETRY_MS_HEADER } from '../peer/content-answer.ts';
import { hasBody, type Refusal } from './content-request.ts';
import type { RequestCaps } from './request-caps.ts';

/** What answering any request takes. */
export interface AnsweringDeps {
  readonly log: Logger;
  /** Told of each request that is refused. */
  readonly refused: (nodeId: NodeId, status: number, reason: string) => void;
  readonly caps: RequestCaps;
  /** How a client is told to come back: {@link later} or {@link soon}. */
  readonly retry: Retry;
}

/** Makes a refusal for now; `waitMs` is when the client may come again. */
export type Retry = (status: 429 | 503, reason: string, waitMs: number) => Refusal;

/** Answers within the limits of the client, or returns why it does not; what it throws is turned into a refusal. */
export type Serve = (signal: AbortSignal) => Promise<Refusal | null>;

/**
 * Lets `serve` answer one request of a proven member, after its caps were looked at. `serve` is told by its signal when the
 * client goes away. What fails before the first byte gets a status and no body; afterwards only closing the
 * connection can tell. Never throws.
 */
export async function answering(
  deps: AnsweringDeps,
  nodeId: NodeId,
  response: ServerResponse,
  serve: Serve,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new NearbitsError('E_CANCELLED', 'the client went away')));
  const waitMs = deps.caps.enter(nodeId);
  if (waitMs !== null) return refuse(deps, nodeId, response, deps.retry(429, 'too many requests', waitMs));
  try {
    const refusal = await serve(gone.signal);
    if (refusal !== null) refuse(deps, nodeId, response, refusal);
  } catch (error) {
    fail(deps, nodeId, response, toNearbitsError(error, 'E_IO'));
  } finally {
    deps.caps.leave(nodeId);
  }
}

/** For whole records. In whole seconds (RFC 9110 section 10.2.3), at least one so that nobody comes back at once. */
export const later: Retry = (status, reason, waitMs) => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return { status, reason, headers: { 'Retry-After': `${seconds}` } };
};

/** For pieces, which are worth coming back for much sooner: to the millisecond. */
export const soon: Retry = (status, reason, waitMs) => {
  const refusal = later(status, reason, waitMs);
  return { ...refusal, headers: { ...refusal.headers, [RETRY_MS_HEADER]: `${Math.ceil(waitMs)}` } };
};

function fail(deps: AnsweringDeps, nodeId: NodeId, response: ServerResponse, error: NearbitsError): void {
  if (error.code === 'E_CANCELLED' || response.destroyed) return;
  if (response.headersSent) {
    deps.log.info({ nodeId, code: error.code }, 'broke off an answer to a peer');
    response.destroy();
    return;
  }
  refuse(deps, nodeId, response, refusalFor(error, deps.retry));
}

function refusalFor(error: NearbitsError, retry: Retry): Refusal {
  switch (error.code) {
    case 'E_BUSY':
      return retry(503, error.message, Number(error.details.retryAfterMs ?? 1000));
    case 'E_CACHE_DAMAGED':
    case 'E_NOT_FOUND':
      return { status: 404, reason: error.code };
    default:
      return { status: 500, reason: error.code };
  }
}

// After these the connection is as good as before; a request that is wrong in itself ends it.
const HARMLESS: ReadonlySet<number> = new Set([404, 416, 429, 503]);

/** Sends a refusal: no body (MS-BPCR 3.2.5.1). Nobody waits for the body of a refused request: the connection ends. */
function refuse(deps: AnsweringDeps, nodeId: NodeId, response: ServerResponse, refusal: Refusal): void {
  const { status, reason } = refusal;
  deps.log.debug({ nodeId, status, reason }, 'refused a peer');
  deps.refused(nodeId, status, reason);
  const keep = HARMLESS.has(status) && !hasBody(response.req.headers);
  const connection = keep ? {} : { Connection: 'close' };
  response.writeHead(status, { ...refusal.headers, ...connection, 'Content-Length': '0' }).end();
}
