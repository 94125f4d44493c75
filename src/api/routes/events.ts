import { createRoute, z } from '@hono/zod-openapi';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { Clock } from '../../core/clock.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { NodeEvent } from '../../observe/events.ts';
import type { NodeBackend } from '../backend.ts';
import { EventQueue } from '../event-queue.ts';
import { type ApiApp, problems } from '../route.ts';

/** Observers at the same time; each costs a connection and a bounded queue. */
const MAX_STREAMS = 100;

/** A line goes out this often, so that both sides notice a dead connection. */
const HEARTBEAT_MS = 15_000;

const events = createRoute({
  method: 'get',
  path: '/v1/events',
  summary: 'Events as they happen (server-sent events)',
  description:
    'The first event is `ready`: what happens after it is told. Progress that waits is replaced by newer progress. ' +
    'A client that does not keep up gets `lost` and the end of the stream.',
  request: { query: z.object({ transfer: z.string().max(64).optional().describe('only events of this transfer') }) },
  responses: {
    200: { description: 'a stream of events', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems,
  },
});

/** Adds the stream of events; `stopping` ends all streams when the server stops. */
export function addEventRoutes(app: ApiApp, backend: NodeBackend, clock: Clock, stopping: AbortSignal): void {
  let open = 0;
  app.openapi(events, (context) => {
    if (open >= MAX_STREAMS) throw new NearbitsError('E_BUSY', `there are ${MAX_STREAMS} event streams already`);
    const { transfer } = context.req.valid('query');
    return streamSSE(context, async (stream) => {
      open++;
      try {
        await tell(stream, backend, transfer ?? null, clock, stopping);
      } finally {
        open--;
      }
    });
  });
}

async function tell(
  stream: SSEStreamingApi,
  backend: NodeBackend,
  transfer: string | null,
  clock: Clock,
  stopping: AbortSignal,
): Promise<void> {
  const queue = new EventQueue();
  const end = (): void => queue.end();
  const unsubscribe = backend.subscribe((event) => {
    if (transfer === null || belongsTo(event, transfer)) queue.push(event);
  });
  stream.onAbort(end);
  stopping.addEventListener('abort', end);
  const heart = beat(stream, clock);
  try {
    await stream.writeSSE({ event: 'ready', data: '{}' });
    for await (const event of queue) await stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
    if (queue.overflowed) await stream.writeSSE({ event: 'lost', data: '{}' });
  } finally {
    heart.stop();
    stopping.removeEventListener('abort', end);
    unsubscribe();
  }
}

function belongsTo(event: NodeEvent, transfer: string): boolean {
  return 'transferId' in event && event.transferId === transfer;
}

/** Writes a comment line every now and then; a write to a stream that ended is ignored by it. */
function beat(stream: SSEStreamingApi, clock: Clock): { stop(): void } {
  let timer = clock.after(HEARTBEAT_MS, next);
  function next(): void {
    void stream.write(': still here\n\n');
    timer = clock.after(HEARTBEAT_MS, next);
  }
  return { stop: () => timer.cancel() };
}
