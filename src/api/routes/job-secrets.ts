import { createRoute, z } from '@hono/zod-openapi';
import { parseJobId } from '../../core/ids.ts';
import { CallResult, JobClientCertificate, JobCredentials, JobView } from '../../job/model/view.ts';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import { refuseBadArguments } from '../job-input.ts';
import { type ApiApp, answers, IdParam, json } from '../route.ts';

const CREDENTIALS_PATH = '/v1/jobs/{id}/credentials';
const CERTIFICATE_PATH = '/v1/jobs/{id}/client-certificate';

const setCredentials = createRoute({
  method: 'put',
  path: CREDENTIALS_PATH,
  summary: 'Set the credentials of one target and scheme; they are never shown again',
  request: { params: IdParam, body: { ...json(JobCredentials), required: true } },
  responses: answers(JobView, 'the job as it is now'),
});

const removeCredentials = createRoute({
  method: 'delete',
  path: CREDENTIALS_PATH,
  summary: 'Forget the credentials of one target and scheme',
  request: {
    params: IdParam,
    query: z.object({
      target: z.string().max(32).describe('SERVER or PROXY'),
      scheme: z.string().max(32).describe('BASIC, DIGEST or BEARER'),
    }),
  },
  responses: answers(CallResult, 'the job; S_FALSE when there were none'),
});

const setCertificate = createRoute({
  method: 'put',
  path: CERTIFICATE_PATH,
  summary: 'Set the client certificate with its key, which is never shown again',
  request: { params: IdParam, body: { ...json(JobClientCertificate), required: true } },
  responses: answers(JobView, 'the job as it is now'),
});

const removeCertificate = createRoute({
  method: 'delete',
  path: CERTIFICATE_PATH,
  summary: 'Forget the client certificate',
  request: { params: IdParam },
  responses: answers(CallResult, 'the job; S_FALSE when there was none'),
});

/** Adds the routes about what a job proves itself with. */
export function addJobSecretRoutes(app: ApiApp, { jobs }: NodeBackend): void {
  app.openapi(
    setCredentials,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      return context.json(await jobs.setCredentials(callerOf(context), id, context.req.valid('json')), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    removeCredentials,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      const { target, scheme } = context.req.valid('query');
      return context.json(await jobs.removeCredentials(callerOf(context), id, target, scheme), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    setCertificate,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      return context.json(await jobs.setClientCertificate(callerOf(context), id, context.req.valid('json')), 200);
    },
    refuseBadArguments,
  );
  app.openapi(removeCertificate, async (context) =>
    context.json(await jobs.removeClientCertificate(callerOf(context), parseJobId(context.req.valid('param').id)), 200),
  );
}
