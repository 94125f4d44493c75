import { createRoute, z } from '@hono/zod-openapi';
import { parseJobId } from '../../core/ids.ts';
import { JobView } from '../../job/model/view.ts';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import { refuseBadArguments } from '../job-input.ts';
import {
  FilledRanges,
  JobFilePage,
  JobFilesRequest,
  PositionRequest,
  RangesRequest,
  RemoteNameRequest,
  ValidationRequest,
} from '../job-views.ts';
import { Nothing } from '../nothing.ts';
import { type ApiApp, answers, IdParam, json } from '../route.ts';

const FileParam = IdParam.extend({ index: z.coerce.number().int().min(0).describe('place of the file, from 0') });
const FILE_PATH = '/v1/jobs/{id}/files/{index}';

const list = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}/files',
  summary: 'The files of a job in their order, a page at a time',
  request: {
    params: IdParam,
    query: z.object({
      from: z.coerce.number().int().min(0).default(0).describe('index of the first file'),
      limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
    }),
  },
  responses: answers(JobFilePage, 'the page'),
});

const add = createRoute({
  method: 'post',
  path: '/v1/jobs/{id}/files',
  summary: 'Add files: all of them or none',
  request: { params: IdParam, body: { ...json(JobFilesRequest), required: true } },
  responses: answers(JobView, 'the job with its files'),
});

const remoteName = createRoute({
  method: 'put',
  path: `${FILE_PATH}/remote-name`,
  summary: 'Fetch a file from another URL',
  request: { params: FileParam, body: { ...json(RemoteNameRequest), required: true } },
  responses: answers(JobView, 'the job as it is now'),
});

const validation = createRoute({
  method: 'put',
  path: `${FILE_PATH}/validation`,
  summary: 'Accept or refuse the content of a transferred file',
  request: { params: FileParam, body: { ...json(ValidationRequest), required: true } },
  responses: answers(JobView, 'the job as it is now'),
});

const ranges = createRoute({
  method: 'post',
  path: `${FILE_PATH}/ranges`,
  summary: 'Ask for ranges of a file of a job in on-demand mode',
  request: { params: FileParam, body: { ...json(RangesRequest), required: true } },
  responses: answers(JobView, 'the job as it is now'),
});

const filledRanges = createRoute({
  method: 'get',
  path: `${FILE_PATH}/filled-ranges`,
  summary: 'Which ranges of the remote file are there',
  request: { params: FileParam },
  responses: answers(FilledRanges, 'the ranges, merged and in order'),
});

const position = createRoute({
  method: 'put',
  path: `${FILE_PATH}/position`,
  summary: 'Tell where a reader goes on: what lies behind it is fetched first',
  request: { params: FileParam, body: { ...json(PositionRequest), required: true } },
  responses: answers(Nothing, 'noted'),
});

/** Adds the routes about the files of jobs. */
export function addJobFileRoutes(app: ApiApp, { jobs }: NodeBackend): void {
  app.openapi(
    list,
    async (context) => {
      const { from, limit } = context.req.valid('query');
      const all = await jobs.files(callerOf(context), parseJobId(context.req.valid('param').id));
      const end = from + limit;
      return context.json({ files: all.slice(from, end), next: end < all.length ? end : null }, 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    add,
    async (context) => {
      const id = parseJobId(context.req.valid('param').id);
      return context.json(await jobs.addFiles(callerOf(context), id, context.req.valid('json').files), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    remoteName,
    async (context) => {
      const { id, index } = context.req.valid('param');
      const { url } = context.req.valid('json');
      return context.json(await jobs.setRemoteName(callerOf(context), parseJobId(id), index, url), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    validation,
    async (context) => {
      const { id, index } = context.req.valid('param');
      const { valid } = context.req.valid('json');
      return context.json(await jobs.setValidationState(callerOf(context), parseJobId(id), index, valid), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    ranges,
    async (context) => {
      const { id, index } = context.req.valid('param');
      const wanted = context.req.valid('json').ranges;
      return context.json(await jobs.requestRanges(callerOf(context), parseJobId(id), index, wanted), 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    filledRanges,
    async (context) => {
      const { id, index } = context.req.valid('param');
      const filled = await jobs.filledRanges(callerOf(context), parseJobId(id), index);
      return context.json({ ranges: [...filled] }, 200);
    },
    refuseBadArguments,
  );
  app.openapi(
    position,
    async (context) => {
      const { id, index } = context.req.valid('param');
      const { offset } = context.req.valid('json');
      await jobs.updateDownloadPosition(callerOf(context), parseJobId(id), index, offset);
      return context.json({}, 200);
    },
    refuseBadArguments,
  );
}
