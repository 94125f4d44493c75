import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cache } from '../cache/cache.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { NodeId, RecordId } from '../core/ids.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import { answerRequest, type ContentAnswer, hasBody, isRefusal, type Refusal, readRequest } from './content-request.ts';
import { ContentSender } from './content-sender.ts';
import type { RateLimit } from './rate-limit.ts';
import type { RequestCaps } from './request-caps.ts';
import type { ClientSlots } from './slots.ts';

/** What answering a request takes. */
export interface HandlerDeps {
  readonly cache: Pick<Cache, 'get' | 'open'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
  readonly slots: ClientSlots;
  readonly rate: RateLimit;
  readonly caps: RequestCaps;
  readonly writeTimeoutMs: number;
}

/**
 * Answers one request of a proven member: 1. caps, 2. form, 3. record and range, 4. slot, 5. the bytes, which
 * the cache checks before they leave. What fails before the first byte gets a status and no body; afterwards
 * only closing the connection can tell. Never throws.
 */
export async function answerContent(
  deps: HandlerDeps,
  nodeId: NodeId,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new NearbitsError('E_CANCELLED', 'the client went away')));
  const waitMs = deps.caps.enter(nodeId);
  if (waitMs !== null) return refuse(deps, nodeId, response, tooMany(waitMs));
  try {
    const refusal = await serve(deps, nodeId, request, response, gone.signal);
    if (refusal !== null) refuse(deps, nodeId, response, refusal);
  } catch (error) {
    fail(deps, nodeId, response, toNearbitsError(error, 'E_IO'));
  } finally {
    deps.caps.leave(nodeId);
  }
}

async function serve(
  deps: HandlerDeps,
  nodeId: NodeId,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<Refusal | null> {
  const wish = readRequest(request);
  if (isRefusal(wish)) return wish;
  const answer = answerRequest(wish, deps.cache.get(wish.id));
  if (isRefusal(answer)) return answer;
  if (wish.head) {
    response.writeHead(answer.status, { ...answer.headers }).end();
    return null;
  }
  const slot = await deps.slots.acquire(nodeId, signal);
  try {
    await using reader = await deps.cache.open(wish.id);
    // It may have been refused by its user while the peer waited for a slot.
    if (reader.record.state !== 'valid') throw new NearbitsError('E_NOT_FOUND', 'the record is not shared any more');
    await send(deps, nodeId, wish.id, answer, reader, response, signal);
  } finally {
    slot.release();
  }
  return null;
}

async function send(
  deps: HandlerDeps,
  nodeId: NodeId,
  recordId: RecordId,
  answer: ContentAnswer,
  reader: CacheReader,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { clock, rate, writeTimeoutMs } = deps;
  const sender = new ContentSender({ clock, rate, response }, { client: nodeId, answer, writeTimeoutMs, signal });
  deps.emit({ type: 'serve.started', nodeId, recordId });
  try {
    await reader.read(answer.range, sender.sink, signal);
    await sender.finish();
  } finally {
    deps.emit({ type: 'serve.finished', nodeId, recordId, bytes: sender.sent });
  }
}

function fail(deps: HandlerDeps, nodeId: NodeId, response: ServerResponse, error: NearbitsError): void {
  if (error.code === 'E_CANCELLED' || response.destroyed) return;
  if (response.headersSent) {
    deps.log.info({ nodeId, code: error.code }, 'broke off an answer to a peer');
    response.destroy();
    return;
  }
  refuse(deps, nodeId, response, refusalFor(error));
}

function refusalFor(error: NearbitsError): Refusal {
  switch (error.code) {
    case 'E_BUSY':
      return { status: 503, reason: error.message, headers: retryAfter(Number(error.details.retryAfterMs ?? 1000)) };
    case 'E_CACHE_DAMAGED':
    case 'E_NOT_FOUND':
      return { status: 404, reason: error.code };
    default:
      return { status: 500, reason: error.code };
  }
}

function tooMany(waitMs: number): Refusal {
  return { status: 429, reason: 'too many requests', headers: retryAfter(waitMs) };
}

// Whole seconds (RFC 9110 section 10.2.3), at least one so that nobody comes back at once.
function retryAfter(ms: number): Record<string, string> {
  return { 'Retry-After': `${Math.max(1, Math.ceil(ms / 1000))}` };
}

// After these the connection is as good as before; a request that is wrong in itself ends it.
const HARMLESS: ReadonlySet<number> = new Set([404, 416, 429, 503]);

/** Sends a refusal: no body (MS-BPCR 3.2.5.1). Nobody waits for the body of a refused request: the connection ends. */
function refuse(deps: HandlerDeps, nodeId: NodeId, response: ServerResponse, refusal: Refusal): void {
  const { status, reason } = refusal;
  deps.log.debug({ nodeId, status, reason }, 'refused a peer');
  deps.emit({ type: 'serve.refused', nodeId, status, reason });
  const keep = HARMLESS.has(status) && !hasBody(response.req.headers);
  const connection = keep ? {} : { Connection: 'close' };
  response.writeHead(status, { ...refusal.headers, ...connection, 'Content-Length': '0' }).end();
}
