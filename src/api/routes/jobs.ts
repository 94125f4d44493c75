import { createRoute, z } from '@hono/zod-openapi';
import { NearbitsError } from '../../core/errors.ts';
import { parseJobId } from '../../core/ids.ts';
import { JobPropertiesChange } from '../../job/model/properties.ts';
import { isSettled } from '../../job/model/settled.ts';
import { JobErrorView, JobRequest, JobView } from '../../job/model/view.ts';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import { changeOf, refuseBadArguments, refuseBadProperties } from '../job-input.ts';
import { JobPage } from '../job-views.ts';
import { type ApiApp, answers, IdParam, json, problems } from '../route.ts';
import { Trace } from '../views.ts';

/** A switch in the query. */
const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

const create = createRoute({
  method: 'post',
  path: '/v1/jobs',
  summary: 'Make a job, optionally with its first files',
  request: { body: { ...json(JobRequest), required: true } },
  responses: { 201: { ...json(JobView), description: 'the job is SUSPENDED, or QUEUED with `resume`' }, ...problems },
});

const list = createRoute({
  method: 'get',
  path: '/v1/jobs',
  summary: 'Jobs in the order of their ids, a page at a time',
  request: {
    query: z.object({
      allUsers: flag.describe('jobs of all users; needs an administrator'),
      ended: flag.describe('also jobs that are ACKNOWLEDGED or CANCELLED'),
      name: z.string().max(256).optional().describe('only jobs of exactly this display name'),
      after: z.string().max(64).optional().describe('only jobs whose id sorts after this one'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
  },
  responses: answers(JobPage, 'the page'),
});

const show = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}',
  summary: 'One job',
  request: {
    params: IdParam,
    query: z.object({
      wait: z
        .enum(['settled'])
        .optional()
        .describe('answer only when the job is TRANSFERRED, in ERROR, SUSPENDED, or has ended'),
    }),
  },
  responses: answers(JobView, 'the job'),
});

const change = createRoute({
  method: 'patch',
  path: '/v1/jobs/{id}',
  summary: 'Change properties of a job',
  request: {
    params: IdParam,
    body: { ...json(JobPropertiesChange.meta({ id: 'JobPropertiesChange' })), required: true },
  },
  responses: answers(JobView, 'the job as it is now'),
});

const error = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}/error',
  summary: 'Why the job is in ERROR or TRANSIENT_ERROR',
  request: { params: IdParam },
  responses: answers(JobErrorView, 'the error'),
});

const trace = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}/trace',
  summary: 'Every decision about the files of a job with its reason, oldest first',
  request: { params: IdParam },
  responses: answers(Trace, 'the decisions'),
});

/** Adds the routes that make, show and change jobs; `stopping` ends all waiting when the server stops. */
export function addJobRoutes(app: ApiApp, { jobs }: NodeBackend, stopping: AbortSignal): void {
  app.openapi(
    create,
    async (context) => {
      const view = await jobs.create(callerOf(context), context.req.valid('json'));
      return context.json(view, 201, { location: `/v1/jobs/${view.id}` });
    },
    refuseBadProperties,
  );
  app.openapi(
    list,
    async (context) => {
      const { after, name, ...query } = context.req.valid('query');
      const start = after === undefined ? null : parseJobId(after);
      const page = await jobs.list(callerOf(context), { ...query, name: name ?? null, after: start });
      return context.json({ jobs: [...page.jobs], next: page.next }, 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    show,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      const caller = callerOf(context);
      if (context.req.valid('query').wait === undefined) return context.json(await jobs.get(caller, id), 200);
      const signal = AbortSignal.any([context.req.raw.signal, stopping]);
      const view = await jobs.settled(caller, id, isSettled, signal).catch((reason) => {
        throw stopping.aborted ? new NearbitsError('E_NOT_RUNNING', 'the node is stopping', { cause: reason }) : reason;
      });
      return context.json(view, 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    change,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      return context.json(await jobs.set(callerOf(context), id, changeOf(context.req.valid('json'))), 200);
    },
    refuseBadProperties,
  );
  app.openapi(error, async (context) =>
    context.json(await jobs.error(callerOf(context), parseJobId(context.req.valid('param').id)), 200),
  );
  app.openapi(trace, async (context) => {
    const entries = await jobs.trace(callerOf(context), parseJobId(context.req.valid('param').id));
    return context.json({ entries: [...entries] }, 200);
  });
}
