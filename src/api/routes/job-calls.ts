import { createRoute } from '@hono/zod-openapi';
import type { z } from 'zod';
import { parseJobId } from '../../core/ids.ts';
import type { JobBackend } from '../../job/model/job-backend.ts';
import { CallResult, JobView } from '../../job/model/view.ts';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import { refuseBadArguments } from '../job-input.ts';
import { RemotePrefixRequest, ResetRequest, ResetResult } from '../job-views.ts';
import { type ApiApp, answers, IdParam, json } from '../route.ts';

const reset = createRoute({
  method: 'post',
  path: '/v1/jobs/reset',
  summary: 'Cancel all jobs of the caller, or of everybody',
  request: { body: { ...json(ResetRequest), required: true } },
  responses: answers(ResetResult, 'what became of each job'),
});

const replacePrefix = createRoute({
  method: 'post',
  path: '/v1/jobs/{id}/replace-remote-prefix',
  summary: 'Exchange the beginning of the URLs of all files; finished files stay as they are',
  request: { params: IdParam, body: { ...json(RemotePrefixRequest), required: true } },
  responses: answers(CallResult, 'the job; S_FALSE when no file matched'),
});

/** A call without arguments that may change the state of a job. */
function steering<Schema extends z.ZodType>(verb: string, summary: string, answer: Schema) {
  return createRoute({
    method: 'post',
    path: `/v1/jobs/{id}/${verb}`,
    summary,
    request: { params: IdParam },
    responses: answers(answer, 'the job as it is now'),
  });
}

const MOVES = [
  ['suspend', 'suspend', 'Stop fetching; what is there is kept'],
  ['resume', 'resume', 'Queue the job, or try again now'],
  ['take-ownership', 'takeOwnership', 'Make the job one of the caller, without its secrets; needs an administrator'],
] as const satisfies readonly (readonly [string, keyof JobBackend, string])[];

const ENDS = [
  ['complete', 'complete', 'Give finished files their names, drop the others, and end the job'],
  ['cancel', 'cancel', 'Drop all files that are not complete and end the job'],
] as const satisfies readonly (readonly [string, keyof JobBackend, string])[];

/** Adds the routes that move jobs from state to state or change many things at once. */
export function addJobCallRoutes(app: ApiApp, { jobs }: NodeBackend): void {
  for (const [verb, call, summary] of MOVES) {
    app.openapi(steering(verb, summary, JobView), async (context) =>
      context.json(await jobs[call](callerOf(context), parseJobId(context.req.valid('param').id)), 200),
    );
  }
  for (const [verb, call, summary] of ENDS) {
    app.openapi(steering(verb, summary, CallResult), async (context) =>
      context.json(await jobs[call](callerOf(context), parseJobId(context.req.valid('param').id)), 200),
    );
  }
  app.openapi(
    replacePrefix,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      const { from, to } = context.req.valid('json');
      return context.json(await jobs.replaceRemotePrefix(callerOf(context), id, from, to), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    reset,
    async (context) => {
      const results = await jobs.reset(callerOf(context), context.req.valid('json').allUsers);
      return context.json({ results: [...results] }, 200);
    },
    refuseBadArguments,
  );
}
