import type { z } from 'zod';
import { FilledRanges, JobFilePage, JobPage, ResetResult } from '../api/job-views.ts';
import { Nothing } from '../api/nothing.ts';
import { Trace } from '../api/views.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { CallResult, JobErrorView, type JobFileView, JobView } from '../job/model/view.ts';
import type { ApiConnection, Call } from './connection.ts';
import { openEvents } from './events.ts';
import { followNotifications } from './follow-notifications.ts';
import type { JobCalls } from './job-calls.ts';

const PAGE = 500;

/** The job service behind the local API; `clock` spaces the tries to reach a node that went away. */
export function jobClient(connection: ApiConnection, clock: Clock = systemClock): JobCalls {
  /** One request: a method and a path such as `PUT /v1/jobs/ID/credentials`. */
  function ask<Schema extends z.ZodType>(
    request: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} ${string}`,
    answer: Schema,
    signal: AbortSignal | undefined,
    rest: Pick<Call<Schema>, 'body' | 'query'> = {},
  ): Promise<z.output<Schema>> {
    const [method, path] = request.split(' ') as [Call<Schema>['method'], string];
    return connection.call({ method, path, answer, signal, ...rest });
  }

  return {
    create: (body, signal) => ask('POST /v1/jobs', JobView, signal, { body }),
    page: ({ allUsers = false, ended = false, name }, after, signal) => {
      const query = { allUsers: String(allUsers), ended: String(ended), name, after: after ?? undefined, limit: PAGE };
      return ask('GET /v1/jobs', JobPage, signal, { query });
    },
    get: (id, signal) => ask(`GET ${jobPath(id)}`, JobView, signal),
    settled: (id, signal) => ask(`GET ${jobPath(id)}`, JobView, signal, { query: { wait: 'settled' } }),
    set: (id, body, signal) => ask(`PATCH ${jobPath(id)}`, JobView, signal, { body }),
    resume: (id, signal) => ask(`POST ${jobPath(id)}/resume`, JobView, signal),
    suspend: (id, signal) => ask(`POST ${jobPath(id)}/suspend`, JobView, signal),
    takeOwnership: (id, signal) => ask(`POST ${jobPath(id)}/take-ownership`, JobView, signal),
    complete: (id, signal) => ask(`POST ${jobPath(id)}/complete`, CallResult, signal),
    cancel: (id, signal) => ask(`POST ${jobPath(id)}/cancel`, CallResult, signal),
    reset: async (allUsers, signal) =>
      (await ask('POST /v1/jobs/reset', ResetResult, signal, { body: { allUsers } })).results,
    error: (id, signal) => ask(`GET ${jobPath(id)}/error`, JobErrorView, signal),
    trace: async (id, signal) => (await ask(`GET ${jobPath(id)}/trace`, Trace, signal)).entries,
    async files(id, signal) {
      const files: JobFileView[] = [];
      let from: number | null = 0;
      do {
        const page: z.infer<typeof JobFilePage> = await ask(`GET ${jobPath(id)}/files`, JobFilePage, signal, {
          query: { from },
        });
        for (const file of page.files) files.push(file);
        from = page.next;
      } while (from !== null);
      return files;
    },
    async file(id, index, signal) {
      const query = { from: index, limit: 1 };
      const [file] = (await ask(`GET ${jobPath(id)}/files`, JobFilePage, signal, { query })).files;
      if (file === undefined) throw new NearbitsError('E_INVALIDARG', `the job has no file ${index}`);
      return file;
    },
    addFiles: (id, files, signal) => ask(`POST ${jobPath(id)}/files`, JobView, signal, { body: { files } }),
    setRemoteName: (id, file, url, signal) =>
      ask(`PUT ${filePath(id, file)}/remote-name`, JobView, signal, { body: { url } }),
    replaceRemotePrefix: (id, from, to, signal) =>
      ask(`POST ${jobPath(id)}/replace-remote-prefix`, CallResult, signal, { body: { from, to } }),
    setValidationState: (id, file, valid, signal) =>
      ask(`PUT ${filePath(id, file)}/validation`, JobView, signal, { body: { valid } }),
    requestRanges: (id, file, ranges, signal) =>
      ask(`POST ${filePath(id, file)}/ranges`, JobView, signal, { body: { ranges } }),
    filledRanges: async (id, file, signal) =>
      (await ask(`GET ${filePath(id, file)}/filled-ranges`, FilledRanges, signal)).ranges,
    updateDownloadPosition: async (id, file, offset, signal) => {
      await ask(`PUT ${filePath(id, file)}/position`, Nothing, signal, { body: { offset } });
    },
    setCredentials: (id, body, signal) => ask(`PUT ${jobPath(id)}/credentials`, JobView, signal, { body }),
    removeCredentials: (id, target, scheme, signal) =>
      ask(`DELETE ${jobPath(id)}/credentials`, CallResult, signal, { query: { target, scheme } }),
    setClientCertificate: (id, body, signal) => ask(`PUT ${jobPath(id)}/client-certificate`, JobView, signal, { body }),
    removeClientCertificate: (id, signal) => ask(`DELETE ${jobPath(id)}/client-certificate`, CallResult, signal),
    events: (job, signal) => openEvents(connection, { job }, signal),
    notifications: (job, signal) => followNotifications(connection, job, signal, clock),
    acknowledge: async (id, signal) => {
      await ask(`POST /v1/notifications/${encodeURIComponent(id)}/acknowledge`, Nothing, signal);
    },
  };
}

function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function filePath(id: string, file: number): string {
  return `${jobPath(id)}/files/${file}`;
}
