import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { Link } from './link.ts';
import { answerTo } from './origin-answer.ts';
import type { OriginScript } from './origin-script.ts';
import { sendAnswer } from './origin-send.ts';

/** One request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** What one path, or the whole server, did. */
export interface OriginStats {
  requests: number;
  bytesSent: number;
}

/** Where and how the test origin listens. */
export interface OriginServerOptions {
  readonly host?: string;
  readonly port?: number;
  /** PEM key and certificate make it https. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Cap for each answer, in bytes a second; null: none. */
  readonly bytesPerSecond?: number | null;
  /** Carries the bodies of all answers together. */
  readonly link?: Link;
  /** Scripts by URL for paths that were not set with `serve`. */
  readonly resolve?: (url: URL) => OriginScript | null;
  /** Answers requests that are no files; true: done. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** At most this many requests are remembered. */
const MAX_SEEN = 10_000;

/**
 * A real HTTP origin for tests: scripted path by path, with faults, on a real socket.
 */
export class OriginServer {
  readonly #options: OriginServerOptions;
  readonly #server: Server;
  readonly #scripts = new Map<string, OriginScript>();
  readonly #rangesAnswered = new Map<string, number>();
  readonly #statsByPath = new Map<string, OriginStats>();
  /** All requests in order. */
  readonly seen: SeenRequest[] = [];
  /** Sums over all paths. */
  readonly stats: OriginStats = { requests: 0, bytesSent: 0 };

  private constructor(options: OriginServerOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    this.#server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Listens and resolves when requests are taken; port 0 takes any free one. */
  static async start(options: OriginServerOptions = {}): Promise<OriginServer> {
    const origin = new OriginServer(options);
    await new Promise<void>((resolve, reject) => {
      origin.#server.once('error', reject);
      origin.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The full URL of a path. */
  url(path: string): string {
    const host = this.#options.host ?? '127.0.0.1';
    const scheme = this.#options.tls === undefined ? 'http' : 'https';
    return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${this.port}${path}`;
  }

  /** Sets what a path serves from now on, and returns its URL. */
  serve(path: string, script: OriginScript): string {
    this.#scripts.set(path, script);
    this.#rangesAnswered.delete(path);
    return this.url(path);
  }

  /** Requests and bytes of one path so far. */
  statsOf(path: string): Readonly<OriginStats> {
    return this.#statsByPath.get(path) ?? { requests: 0, bytesSent: 0 };
  }

  /** Sets all counters to zero. */
  resetStats(): void {
    this.#statsByPath.clear();
    this.seen.length = 0;
    Object.assign(this.stats, { requests: 0, bytesSent: 0 });
  }

  /** Calls `run` for each connection from now on. */
  onConnection(run: () => void): void {
    this.#server.on(this.#options.tls === undefined ? 'connection' : 'secureConnection', run);
  }

  /** Closes kept connections on which no request runs, as servers do after a while. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  /** Ends all connections and stops listening; idempotent. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    if (this.#options.intercept?.(request, response)) return;
    const url = new URL(request.url ?? '/', 'http://origin.test');
    const script = this.#scripts.get(url.pathname) ?? this.#options.resolve?.(url) ?? null;
    const stats = this.#note(request, url.pathname);
    if (script === null) {
      response.writeHead(404, { 'content-length': 0 }).end();
      return;
    }
    await this.#answer(request, response, script, stats, url.pathname);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    script: OriginScript,
    stats: OriginStats,
    path: string,
  ): Promise<void> {
    const faults = script.faults ?? {};
    if (faults.hang) return;
    await faults.waitFor;
    if (faults.closeAtOnce) {
      request.socket.destroy();
      return;
    }
    const answer = answerTo(request, script);
    await sendAnswer(response, answer, {
      faults,
      headOnly: request.method === 'HEAD',
      bytesPerSecond: this.#options.bytesPerSecond ?? null,
      link: this.#options.link ?? null,
      count: (bytes) => {
        stats.bytesSent += bytes;
        this.stats.bytesSent += bytes;
      },
    });
    if (request.headers.range !== undefined) this.#changeWhenDue(path, script);
  }

  #note(request: IncomingMessage, path: string): OriginStats {
    const stats = this.#statsByPath.get(path) ?? { requests: 0, bytesSent: 0 };
    this.#statsByPath.set(path, stats);
    stats.requests++;
    this.stats.requests++;
    if (this.seen.length < MAX_SEEN) {
      this.seen.push({ method: request.method ?? '', path, headers: request.headers });
    }
    return stats;
  }

  #changeWhenDue(path: string, script: OriginScript): void {
    const answered = (this.#rangesAnswered.get(path) ?? 0) + 1;
    this.#rangesAnswered.set(path, answered);
    if (script.next !== undefined && answered >= (script.changeAfterRanges ?? 1)) this.serve(path, script.next);
  }
}
