import { createRoute, z } from '@hono/zod-openapi';
import type { SSEStreamingApi } from 'hono/streaming';
import type { NodeEvent } from '../../observe/events.ts';
import { jobOf, mayHear } from '../access.ts';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import { EventQueue } from '../event-queue.ts';
import type { EventStreams } from '../event-streams.ts';
import { type ApiApp, problems } from '../route.ts';

const events = createRoute({
  method: 'get',
  path: '/v1/events',
  summary: 'Events as they happen (server-sent events)',
  description:
    'The first event is `ready`: what happens after it is told. Progress that waits is replaced by newer progress. ' +
    'A client that does not keep up gets `lost` and the end of the stream. Who is no administrator hears of the own jobs only.',
  request: {
    query: z.object({
      transfer: z.string().max(64).optional().describe('only events of this transfer'),
      job: z
        .string()
        .max(64)
        .optional()
        .describe('only events of this job; transfers are jobs, so their ids serve too'),
    }),
  },
  responses: {
    200: { description: 'a stream of events', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems,
  },
});

/** Adds the stream of events. */
export function addEventRoutes(app: ApiApp, backend: NodeBackend, streams: EventStreams): void {
  app.openapi(events, (context) => {
    const { transfer, job = transfer } = context.req.valid('query');
    const caller = callerOf(context);
    const concerns = (event: NodeEvent) =>
      (job === undefined || jobOf(event) === job) && mayHear(backend, caller, event);
    return streams.open(context, (stream, signal) => tell(stream, backend, concerns, signal));
  });
}

async function tell(
  stream: SSEStreamingApi,
  backend: NodeBackend,
  concerns: (event: NodeEvent) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const queue = new EventQueue();
  const unsubscribe = backend.subscribe((event) => {
    if (concerns(event)) queue.push(event);
  });
  signal.addEventListener('abort', () => queue.end());
  if (signal.aborted) queue.end();
  try {
    await stream.writeSSE({ event: 'ready', data: '{}' });
    for await (const event of queue) await stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
    if (queue.overflowed) await stream.writeSSE({ event: 'lost', data: '{}' });
  } finally {
    unsubscribe();
  }
}
