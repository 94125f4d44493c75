import { once } from 'node:events';
import { Agent, request } from 'undici';
import type { FilledRange, JobErrorView, JobFileView, JobNotification, JobView } from '../../../src/job/model/view.ts';
import { readSse } from '../../../src/sdk/sse.ts';

/** What the API answered to a call that it refused. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(status: number, problem: Readonly<Record<string, unknown>>) {
    super(`${problem.code}: ${problem.detail}`);
    this.code = String(problem.code);
    this.status = status;
    this.problem = problem;
  }
}

/** Where one caller reaches the API: the socket of the owner of the node, or TCP with a token. */
export type Door = { readonly socket: string } | { readonly url: string; readonly token: string };

/** A file to add, as a program would write it. */
export interface FileInput {
  readonly remoteUrl: string;
  readonly localName: string;
  readonly [more: string]: unknown;
}

type Calls = 'suspend' | 'resume' | 'complete' | 'cancel' | 'take-ownership';
/** How long a test waits for anything; the suite's own limit is longer, so that this one tells what was missing. */
const PATIENCE_MS = 25_000;
const LOOK_AGAIN_MS = 15;

/** The job service as one caller sees it, over plain HTTP: nothing of the SDK, so that any body can be sent. */
export class JobApi implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(door: Door) {
    const patient = { headersTimeout: 0, bodyTimeout: 0, connections: 32 };
    this.#agent = new Agent('socket' in door ? { ...patient, connect: { socketPath: door.socket } } : patient);
    this.#base = 'socket' in door ? 'http://localhost' : door.url;
    this.#headers = 'token' in door ? { authorization: `Bearer ${door.token}` } : {};
  }

  /** One request. @throws Refusal for every status from 400 on. */
  async ask<T = unknown>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<T> {
    const response = await request(new URL(path, this.#base), {
      dispatcher: this.#agent,
      method,
      headers: { ...this.#headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.body.text();
    const answer = text === '' ? {} : JSON.parse(text);
    if (response.statusCode >= 400) throw new Refusal(response.statusCode, answer);
    return answer as T;
  }

  /** Makes a job; a name is given to those that have none. */
  create(job: Readonly<Record<string, unknown>> = {}): Promise<JobView> {
    return this.ask('POST', '/v1/jobs', { displayName: 'conformance', ...job });
  }

  get(id: string): Promise<JobView> {
    return this.ask('GET', `/v1/jobs/${id}`);
  }

  async list(query = ''): Promise<JobView[]> {
    return (await this.ask<{ jobs: JobView[] }>('GET', `/v1/jobs${query}`)).jobs;
  }

  set(id: string, change: Readonly<Record<string, unknown>>): Promise<JobView> {
    return this.ask('PATCH', `/v1/jobs/${id}`, change);
  }

  async files(id: string): Promise<JobFileView[]> {
    return (await this.ask<{ files: JobFileView[] }>('GET', `/v1/jobs/${id}/files`)).files;
  }

  async file(id: string, index = 0): Promise<JobFileView> {
    return (await this.files(id))[index] as JobFileView;
  }

  addFiles(id: string, ...files: readonly FileInput[]): Promise<JobView> {
    return this.ask('POST', `/v1/jobs/${id}/files`, { files });
  }

  call<T = JobView>(id: string, call: Calls): Promise<T> {
    return this.ask('POST', `/v1/jobs/${id}/${call}`);
  }

  error(id: string): Promise<JobErrorView> {
    return this.ask('GET', `/v1/jobs/${id}/error`);
  }

  setRemoteName(id: string, url: string, file = 0): Promise<JobView> {
    return this.ask('PUT', `/v1/jobs/${id}/files/${file}/remote-name`, { url });
  }

  validate(id: string, valid: boolean, file = 0): Promise<JobView> {
    return this.ask('PUT', `/v1/jobs/${id}/files/${file}/validation`, { valid });
  }

  requestRanges(id: string, ranges: readonly unknown[], file = 0): Promise<JobView> {
    return this.ask('POST', `/v1/jobs/${id}/files/${file}/ranges`, { ranges });
  }

  async filledRanges(id: string, file = 0): Promise<FilledRange[]> {
    return (await this.ask<{ ranges: FilledRange[] }>('GET', `/v1/jobs/${id}/files/${file}/filled-ranges`)).ranges;
  }

  /** Looks until the job is as wanted, and returns it; tells how it was last when that takes too long. */
  async until(id: string, holds: (job: JobView) => boolean, what = 'as wanted'): Promise<JobView> {
    let job = await this.get(id);
    const look = async () => {
      job = await this.get(id);
      return holds(job);
    };
    await eventually(look, () => `the job is not ${what}: ${JSON.stringify(job)}`);
    return job;
  }

  /** Waits for one of the states. */
  reaches(id: string, ...states: readonly JobView['state'][]): Promise<JobView> {
    return this.until(id, (job) => states.includes(job.state), states.join(' or '));
  }

  /** Notifications as they come, from now on and from before, until the signal aborts. */
  async *notifications(signal: AbortSignal, jobId?: string): AsyncGenerator<JobNotification> {
    const url = new URL(`/v1/notifications${jobId === undefined ? '' : `?job=${jobId}`}`, this.#base);
    const headers = { ...this.#headers, accept: 'text/event-stream' };
    const { body } = await request(url, { dispatcher: this.#agent, method: 'GET', headers, signal });
    try {
      for await (const { event, data } of readSse(body)) {
        if (event !== 'ready') yield JSON.parse(data) as JobNotification;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  acknowledge(id: string): Promise<unknown> {
    return this.ask('POST', `/v1/notifications/${id}/acknowledge`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Looks again and again until `holds`; fails, saying what is missing, when that takes too long. */
export async function eventually(holds: () => boolean | Promise<boolean>, missing: () => string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(missing());
    await once(AbortSignal.timeout(LOOK_AGAIN_MS), 'abort');
  }
}

/** How a call ended: the code of its result, `S_OK` when it has none, or the code it was refused with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    const answer = await call;
    const code = (answer as { code?: unknown } | null)?.code;
    return typeof code === 'string' ? code : 'S_OK';
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}
