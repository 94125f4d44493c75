import { Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { type ErrorCode, NearbitsError, systemErrorCode } from '../core/errors.ts';
import { readPlatformFacts } from '../platform/facts.ts';
import { resolvePaths } from '../platform/paths.ts';
import { readSse, type SseMessage } from './sse.ts';

/** Where the node is: its socket (or pipe), or the API over TCP. Nothing: the socket usual on this machine. */
export interface ConnectionOptions {
  readonly socket?: string | undefined;
  /** Such as `http://127.0.0.1:21783`; wins over `socket`. */
  readonly url?: string | undefined;
  /** Token of the user to act as; needed for `url`, where it may also be the one of api.tcp.tokenFile. */
  readonly token?: string | undefined;
}

/** One request. */
export interface Call<Schema extends z.ZodType> {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** What the answer must look like. */
  readonly answer: Schema;
  readonly signal?: AbortSignal | undefined;
}

/** The largest answer that is accepted: a full page of the cache. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;
/** The node writes to a stream of events every 15 s; after this long without a word it is gone. */
const STREAM_SILENCE_MS = 60_000;

/** Requests to the local API of a node; knows HTTP, not what the requests mean. */
export class ApiConnection {
  readonly #agent: Agent;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #place: string;

  constructor(options: ConnectionOptions) {
    // Transfers and checks may take as long as they like; callers stop them with their signal.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0 };
    if (options.url === undefined) {
      const socketPath = options.socket ?? resolvePaths(readPlatformFacts(), {}, process.cwd()).socketPath;
      this.#agent = new Agent({ ...timeouts, connect: { socketPath } });
      this.#base = 'http://localhost';
      this.#place = socketPath;
    } else {
      this.#agent = new Agent(timeouts);
      this.#base = originOf(options.url);
      this.#place = this.#base;
    }
    this.#headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  }

  /**
   * Asks and reads the answer.
   * @throws NearbitsError with the code the node gave; E_NOT_RUNNING when none answers; E_CANCELLED when the signal aborts.
   */
  async call<Schema extends z.ZodType>(call: Call<Schema>): Promise<z.output<Schema>> {
    const response = await this.#send(call, 'application/json');
    try {
      const value: unknown = JSON.parse(await readText(response.body));
      if (response.statusCode >= 400) throw problemError(value, response.statusCode);
      return call.answer.parse(value);
    } catch (error) {
      throw this.#explain(error, call.signal);
    }
  }

  /** Asks for a page of plain text. */
  async text(path: string, signal: AbortSignal | undefined): Promise<string> {
    const response = await this.#send({ method: 'GET', path, answer: z.unknown(), signal }, 'text/plain');
    const text = await readText(response.body);
    if (response.statusCode >= 400) throw problemError(JSON.parse(text), response.statusCode);
    return text;
  }

  /** Opens a stream of server-sent events; it is open, and nothing is missed, once this resolves. */
  async stream(path: string, query: Call<z.ZodType>['query'], signal: AbortSignal): Promise<AsyncIterable<SseMessage>> {
    const call = { method: 'GET', path, query: query ?? {}, answer: z.unknown(), signal } as const;
    const response = await this.#send(call, 'text/event-stream', STREAM_SILENCE_MS);
    if (response.statusCode >= 400) throw problemError(JSON.parse(await readText(response.body)), response.statusCode);
    return this.#explained(readSse(response.body), signal);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(call: Call<z.ZodType>, accept: string, bodyTimeout = 0): Promise<Dispatcher.ResponseData> {
    const url = new URL(call.path, this.#base);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const json = call.body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      return await request(url, {
        dispatcher: this.#agent,
        method: call.method,
        headers: { accept, ...this.#headers, ...json },
        body: call.body === undefined ? null : JSON.stringify(call.body),
        bodyTimeout,
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (error) {
      throw this.#explain(error, call.signal);
    }
  }

  async *#explained<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    try {
      yield* messages;
    } catch (error) {
      throw this.#explain(error, signal);
    }
  }

  #explain(error: unknown, signal: AbortSignal | undefined): NearbitsError {
    if (error instanceof NearbitsError) return error;
    if (signal?.aborted === true) return new NearbitsError('E_CANCELLED', 'the request was stopped', { cause: error });
    if (error instanceof z.ZodError || error instanceof SyntaxError) {
      return new NearbitsError('E_INTERNAL', `the answer from ${this.#place} is not understood`, {
        cause: error,
        hint: 'Is the node of another version than this program? Compare "nearbits version" and "nearbits status".',
      });
    }
    const code = systemErrorCode(error);
    if (code === 'EACCES' || code === 'EPERM') {
      return new NearbitsError('E_FORBIDDEN', `this user may not open ${this.#place}`, {
        cause: error,
        hint: 'The node runs as another user: run the command as that user, or use its API over TCP with a token.',
      });
    }
    return new NearbitsError('E_NOT_RUNNING', `no node answers on ${this.#place}`, {
      cause: error,
      hint: 'Start one with "nearbits up", or name its socket with NEARBITS_SOCKET.',
      details: { place: this.#place, reason: code ?? String(error) },
    });
  }
}

function originOf(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.origin;
  throw new NearbitsError('E_INVALID_ARGUMENT', `"${text.slice(0, 200)}" is not the address of an API`, {
    hint: 'Write it like http://127.0.0.1:21783.',
  });
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new NearbitsError('E_INTERNAL', 'the answer of the node is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const ProblemAnswer = z.object({
  detail: z.string(),
  code: z.string().regex(/^[A-Z][A-Z0-9_]{1,80}$/),
  hint: z.string().nullish(),
  details: z.record(z.string(), z.unknown()).default({}),
});

function problemError(value: unknown, status: number): NearbitsError {
  const problem = ProblemAnswer.safeParse(value);
  if (!problem.success) return new NearbitsError('E_INTERNAL', `the node answered with status ${status}`);
  const { code, detail, hint, details } = problem.data;
  // A newer node may know codes this program does not; they are passed on as they are.
  return new NearbitsError(code as ErrorCode, detail, { details, ...(hint == null ? {} : { hint }) });
}
