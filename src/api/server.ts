import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { localOwner } from '../platform/local-owner.ts';
import { listenLocal } from '../platform/local-socket.ts';
import { type Admit, admitOnSocket, admitOnTcp, type TokenUsers } from './admit.ts';
import { createApp } from './app.ts';
import type { NodeBackend } from './backend.ts';
import { Metrics } from './metrics.ts';
import type { ApiApp } from './route.ts';
import { guardTcp } from './tcp-guard.ts';
import { loadOrCreateToken } from './token.ts';

/** What the server works with. */
export interface ApiServerDeps {
  readonly backend: NodeBackend;
  /** Who else than the owner of the node may use it. */
  readonly users: TokenUsers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where the server listens. */
export interface ApiServerOptions {
  /** Unix socket or Windows pipe. */
  readonly socketPath: string;
  /** Also TCP, protected by tokens: the owner's lies in the file; null: not at all. */
  readonly tcp: { readonly host: string; readonly port: number; readonly tokenFile: string } | null;
  /** Version of nearbits, for the OpenAPI document. */
  readonly version: string;
}

/** Connections at the same time on each of the two listeners. */
const MAX_CONNECTIONS = 256;
/** How long a client may take to send a request, in ms; answers, such as event streams, may last. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long requests may go on once the server stops, in ms; then their connections are cut. */
const STOP_GRACE_MS = 3_000;

/** Serves the local API until it is stopped. */
export class ApiServer {
  readonly socketPath: string;
  #tcpPort: number | null = null;
  readonly #clock: Clock;
  readonly #stopping: AbortController;
  readonly #close: (() => Promise<void>)[] = [];
  #stopped: Promise<void> | null = null;

  private constructor(socketPath: string, clock: Clock, stopping: AbortController) {
    this.socketPath = socketPath;
    this.#clock = clock;
    this.#stopping = stopping;
  }

  /**
   * Listens on the socket and, when asked to, on TCP.
   * @throws NearbitsError E_ALREADY_RUNNING when another node answers on the socket, E_LISTEN, E_CONFIG for a bad token file.
   */
  static async start(deps: ApiServerDeps, options: ApiServerOptions): Promise<ApiServer> {
    const stopping = new AbortController();
    const metrics = new Metrics();
    const app = createApp({ ...deps, metrics, version: options.version, stopping: stopping.signal });
    const server = new ApiServer(options.socketPath, deps.clock, stopping);
    try {
      await server.#listenOnSocket(app, deps.users, options.socketPath);
      if (options.tcp !== null) await server.#listenOnTcp(app, deps.users, options.tcp);
      server.#close.push(endOf(deps.backend.subscribe((event) => metrics.observe(event))));
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** The TCP port in use, or null. */
  get tcpPort(): number | null {
    return this.#tcpPort;
  }

  /** Takes no more requests, ends event streams, lets running requests finish for a while, and gives the socket back. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    for (const close of this.#close.reverse()) await close();
  }

  async #listenOnSocket(app: ApiApp, users: TokenUsers, path: string): Promise<void> {
    const server = httpServer(app, admitOnSocket(localOwner(), users));
    const release = await listenLocal(server, path);
    this.#close.push(async () => {
      await closeServer(server, this.#clock);
      await release();
    });
  }

  async #listenOnTcp(app: ApiApp, users: TokenUsers, tcp: NonNullable<ApiServerOptions['tcp']>): Promise<void> {
    const token = await loadOrCreateToken(tcp.tokenFile);
    const server = httpServer(app, guardTcp(admitOnTcp(localOwner(), token, users)));
    await listenOnPort(server, tcp.host, tcp.port);
    this.#close.push(() => closeServer(server, this.#clock));
    this.#tcpPort = (server.address() as AddressInfo).port; // a TCP server that listens has such an address
  }
}

function httpServer(app: ApiApp, admit: Admit): Server {
  const serve = getRequestListener((request) => app.fetch(request, { admit }));
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, serve);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function listenOnPort(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NearbitsError('E_LISTEN', `the API cannot listen on ${host}:${port}: ${reason}`, {
      cause: error,
      hint: 'Choose another api.tcp.port, or api.tcp.enabled: false.',
    });
  }
}

/** Waits for running requests; connections that are kept alive without one are closed at once. */
async function closeServer(server: Server, clock: Clock): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const grace = clock.after(STOP_GRACE_MS, () => server.closeAllConnections());
  await closed;
  grace.cancel();
}

function endOf(unsubscribe: () => void): () => Promise<void> {
  return async () => unsubscribe();
}
