import { createRoute, z } from '@hono/zod-openapi';
import { parseRecordId } from '../../core/ids.ts';
import { parseOriginUrl } from '../../core/url.ts';
import type { NodeBackend } from '../backend.ts';
import { Nothing } from '../nothing.ts';
import { type ApiApp, answers, IdParam } from '../route.ts';
import { CachePage, CacheRecordView, RemoveResult, VerifyReport } from '../views.ts';

const MAX_PAGE = 10_000;
const Url = z.string().max(16_384);

const list = createRoute({
  method: 'get',
  path: '/v1/cache',
  summary: 'What the cache holds, in pages',
  request: {
    query: z.object({
      url: Url.optional().describe('only records of this URL'),
      after: z.string().max(64).optional().describe('`next` of the page before'),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(1000),
    }),
  },
  responses: answers(CachePage, 'one page'),
});

const show = createRoute({
  method: 'get',
  path: '/v1/cache/{id}',
  summary: 'One record',
  request: { params: IdParam },
  responses: answers(CacheRecordView, 'the record'),
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/cache/{id}',
  summary: 'Remove one record; refused with E_BUSY while it is in use',
  request: { params: IdParam },
  responses: answers(Nothing, 'it is gone'),
});

const removeMany = createRoute({
  method: 'delete',
  path: '/v1/cache',
  summary: 'Remove the records of one URL, or all of them',
  request: { query: z.object({ url: Url.optional().describe('without it, everything goes') }) },
  responses: answers(RemoveResult, 'what went and what stays because it is in use'),
});

const verify = createRoute({
  method: 'post',
  path: '/v1/cache/verify',
  summary: 'Read every record and compare it with its hashes; ends early when the caller goes away',
  responses: answers(VerifyReport, 'what was found'),
});

/** Adds the routes about the cache. */
export function addCacheRoutes(app: ApiApp, { cache }: NodeBackend): void {
  app.openapi(list, async (context) => {
    const { url, after, limit } = context.req.valid('query');
    const query = {
      url: url === undefined ? null : parseOriginUrl(url),
      after: after === undefined ? null : parseRecordId(after),
      limit,
    };
    return context.json(await cache.list(query), 200);
  });
  app.openapi(show, async (context) =>
    context.json(await cache.get(parseRecordId(context.req.valid('param').id)), 200),
  );
  app.openapi(remove, async (context) => {
    await cache.remove(parseRecordId(context.req.valid('param').id));
    return context.json({}, 200);
  });
  app.openapi(removeMany, async (context) => {
    const { url } = context.req.valid('query');
    return context.json(await (url === undefined ? cache.clear() : cache.removeUrl(parseOriginUrl(url))), 200);
  });
  app.openapi(verify, async (context) => context.json(await cache.verify(context.req.raw.signal), 200));
}
