import { createRoute, z } from '@hono/zod-openapi';
import { parseJobId } from '../../core/ids.ts';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import type { EventStreams } from '../event-streams.ts';
import { refuseBadArguments } from '../job-input.ts';
import { Nothing } from '../nothing.ts';
import { type ApiApp, answers, IdParam, problems } from '../route.ts';

const stream = createRoute({
  method: 'get',
  path: '/v1/notifications',
  summary: 'Notifications about the jobs of the caller (server-sent events)',
  description:
    'The first event is `ready`; then come all notifications that are not acknowledged, old ones first, and new ones ' +
    'as they happen: `event` is the kind, `id` the id to acknowledge, `data` a JobNotification. What is not ' +
    'acknowledged comes again on the next stream.',
  request: { query: z.object({ job: z.string().max(64).optional().describe('only those of this job') }) },
  responses: {
    200: { description: 'a stream of notifications', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems,
  },
});

const acknowledge = createRoute({
  method: 'post',
  path: '/v1/notifications/{id}/acknowledge',
  summary: 'Do not tell a notification again; one that is not known is ignored',
  request: { params: IdParam },
  responses: answers(Nothing, 'it is not told again'),
});

/** Adds the routes about notifications. */
export function addNotificationRoutes(app: ApiApp, { jobs }: NodeBackend, streams: EventStreams): void {
  app.openapi(
    stream,
    async (context) => {
      const caller = callerOf(context);
      const { job } = context.req.valid('query');
      const id = job === undefined ? null : parseJobId(job);
      if (id !== null) await jobs.get(caller, id);
      return streams.open(context, async (sse, signal) => {
        await sse.writeSSE({ event: 'ready', data: '{}' });
        for await (const note of jobs.notifications(caller, id, signal)) {
          await sse.writeSSE({ event: note.kind, id: note.id, data: JSON.stringify(note) });
        }
      });
    },
    refuseBadArguments,
  );
  app.openapi(acknowledge, async (context) => {
    await jobs.acknowledge(callerOf(context), context.req.valid('param').id);
    return context.json({}, 200);
  });
}
