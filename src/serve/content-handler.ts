import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cache } from '../cache/cache.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId, RecordId } from '../core/ids.ts';
import type { EmitEvent } from '../observe/events.ts';
import { type AnsweringDeps, answering } from './answering.ts';
import { answerRequest, type ContentAnswer, isRefusal, type Refusal, readRequest } from './content-request.ts';
import { ContentSender } from './content-sender.ts';
import type { RateLimit } from './rate-limit.ts';
import type { ClientSlots } from './slots.ts';

/** What answering a request for a record takes. */
export interface HandlerDeps extends AnsweringDeps {
  readonly cache: Pick<Cache, 'get' | 'open'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly slots: ClientSlots;
  readonly rate: RateLimit;
  readonly writeTimeoutMs: number;
}

/**
 * Answers one request of a proven member: 1. caps, 2. form, 3. record and range, 4. slot, 5. the bytes, which
 * the cache checks before they leave. Never throws.
 */
export async function answerContent(
  deps: HandlerDeps,
  nodeId: NodeId,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  await answering(deps, nodeId, response, (signal) => serve(deps, nodeId, request, response, signal));
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
  const sender = new ContentSender(
    { clock, rate, response },
    { client: nodeId, answer, writeTimeoutMs, readsAhead: true, signal },
  );
  deps.emit({ type: 'serve.started', nodeId, recordId });
  try {
    await reader.read(answer.range, sender.sink, signal);
    await sender.finish();
  } finally {
    deps.emit({ type: 'serve.finished', nodeId, recordId, bytes: sender.sent });
  }
}
