import { createRoute, z } from '@hono/zod-openapi';
import { parseTransferId } from '../../core/ids.ts';
import { TransferRequest, TransferView } from '../../job/model/transfer-view.ts';
import type { NodeBackend } from '../backend.ts';
import { type ApiApp, answers, IdParam, json, problems } from '../route.ts';
import { Trace, TransferList } from '../views.ts';

const start = createRoute({
  method: 'post',
  path: '/v1/transfers',
  summary: 'Fetch a URL into a file',
  request: { body: { ...json(TransferRequest), required: true } },
  responses: { 201: { ...json(TransferView), description: 'the transfer is queued or runs' }, ...problems },
});

const list = createRoute({
  method: 'get',
  path: '/v1/transfers',
  summary: 'Transfers the node remembers, newest first',
  request: { query: z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(1000) }) },
  responses: answers(TransferList, 'the transfers'),
});

const show = createRoute({
  method: 'get',
  path: '/v1/transfers/{id}',
  summary: 'One transfer',
  request: {
    params: IdParam,
    query: z.object({
      wait: z
        .enum(['settled'])
        .optional()
        .describe('answer only when the transfer ended and it is decided whether it is shared'),
    }),
  },
  responses: answers(TransferView, 'the transfer'),
});

const trace = createRoute({
  method: 'get',
  path: '/v1/transfers/{id}/trace',
  summary: 'Every decision of a transfer with its reason, oldest first',
  request: { params: IdParam },
  responses: answers(Trace, 'the decisions'),
});

const cancel = createRoute({
  method: 'delete',
  path: '/v1/transfers/{id}',
  summary: 'Stop a transfer; one that ended stays as it is',
  request: { params: IdParam },
  responses: answers(TransferView, 'the transfer as it stands now'),
});

/** Adds the routes about transfers. */
export function addTransferRoutes(app: ApiApp, { transfers }: NodeBackend): void {
  app.openapi(start, async (context) => {
    const view = await transfers.start(context.get('caller'), context.req.valid('json'));
    return context.json(view, 201, { location: `/v1/transfers/${view.id}` });
  });
  app.openapi(list, async (context) => {
    const all = await transfers.list(context.get('caller'));
    return context.json({ transfers: all.slice(0, context.req.valid('query').limit) }, 200);
  });
  app.openapi(show, async (context) => {
    const id = parseTransferId(context.req.valid('param').id);
    const caller = context.get('caller');
    const { wait } = context.req.valid('query');
    return context.json(await (wait === undefined ? transfers.get(caller, id) : transfers.settled(caller, id)), 200);
  });
  app.openapi(trace, async (context) => {
    const entries = await transfers.trace(context.get('caller'), parseTransferId(context.req.valid('param').id));
    return context.json({ entries: [...entries] }, 200);
  });
  app.openapi(cancel, async (context) =>
    context.json(await transfers.cancel(context.get('caller'), parseTransferId(context.req.valid('param').id)), 200),
  );
}
