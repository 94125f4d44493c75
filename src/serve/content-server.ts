import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Cache } from '../cache/cache.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import type { NodeId, RecordId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import type { Membership } from '../domain/membership.ts';
import { CHAIN_HEADER } from '../domain/tls-peer.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import { contentTlsOptions } from '../peer/content-tls.ts';
import type { Identity } from '../peer/identity.ts';
import { PIECE_UPLOADS } from '../plan/swarm/uploads.ts';
import { later } from './answering.ts';
import { answerContent, type HandlerDeps } from './content-handler.ts';
import { type InlineContent, readInline } from './inline-content.ts';
import { MemberConnections } from './member-connections.ts';
import { type PieceLimits, PieceServer } from './pieces/piece-server.ts';
import type { PieceShelf } from './pieces/shared-pieces.ts';
import { RateLimit, type ServeRate } from './rate-limit.ts';
import { RequestCaps } from './request-caps.ts';
import { ClientSlots } from './slots.ts';

/** What the content server works with. */
export interface ContentServerDeps {
  readonly cache: Pick<Cache, 'get' | 'open'>;
  /** The membership of now. Another one (a new revocation list) counts at the next request of every connection; the server's own certificate is the one of the start. */
  readonly membership: () => Membership;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** What this node gives to those who fetch a content together with it, and who signs for it; without it there are no such paths. */
  readonly pieces?: { readonly shelf: PieceShelf; readonly identity: Identity };
}

/** What can be changed while the server runs. */
export interface ServeLimits {
  /** Clients (peers) served at the same time, at least 1; 3 as in BITS. */
  readonly clients: number;
  /** Bandwidth for all clients together; 1,048,576 as in BITS. */
  readonly bytesPerSecond: ServeRate;
  /** How long a client waits for a slot before it gets 503, in ms. */
  readonly waitMs: number;
  /** What swarms may draw beside all that. */
  readonly pieces: PieceLimits;
}

/** Options of the content server; the defaults stand in {@link DEFAULTS}. */
export interface ContentServerOptions extends Partial<ServeLimits> {
  readonly host: string;
  /** TCP port; 0 takes any free one. */
  readonly port: number;
  /** A slot is free again this long after the last request of its client, in ms. */
  readonly idleMs?: number;
  /** Clients that may wait for a slot at the same time. */
  readonly maxWaiting?: number;
  /** Requests of one peer at the same time, and in a minute; more get 429. */
  readonly maxParallelRequests?: number;
  readonly requestsPerMinute?: number;
  /** TCP connections in all and of one address; more are closed at once. */
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
  /** Limits of one connection, in ms. */
  readonly handshakeTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly keepAliveMs?: number;
  readonly writeTimeoutMs?: number;
}

const DEFAULTS = {
  clients: 3,
  bytesPerSecond: 1_048_576 as ServeRate,
  waitMs: 2_000,
  pieces: { ...PIECE_UPLOADS, bytesPerSecond: 33_554_432 as ServeRate },
  idleMs: 5_000,
  maxWaiting: 64,
  maxParallelRequests: 8,
  // A piece (1 MiB) a request is the worst a peer of ours does: enough for 20 MiB/s of such.
  requestsPerMinute: 1_200,
  // Up to 24 partners of a swarm with two or three connections each, and three clients of records.
  maxConnections: 256,
  maxConnectionsPerAddress: 64,
  handshakeTimeoutMs: 5_000,
  headersTimeoutMs: 10_000,
  keepAliveMs: 15_000,
  // 1 MiB in 30 s: whoever reads slower than 35 KB/s holds up a slot for nothing.
  writeTimeoutMs: 30_000,
} as const;

// Room for a few hundred bytes of request and the chain that comes with the first one (CHAIN_HEADER: 16 KiB in base64).
const MAX_HEAD_BYTES = 24 * 1024;

type Settings = { -readonly [K in keyof Required<ContentServerOptions>]: Required<ContentServerOptions>[K] };

/**
 * Serves the cache to members of the domain over HTTPS/1.1 with mutual TLS 1.3 (docs/PROTOCOL.md). Everything a
 * stranger can cause is bounded before it costs: connections, handshakes, header bytes, waiting, slow reading.
 */
export class ContentServer {
  readonly #deps: ContentServerDeps;
  readonly #settings: Settings;
  readonly #slots: ClientSlots;
  readonly #rate: RateLimit;
  readonly #pieces: PieceServer | null;
  readonly #connections: MemberConnections;
  readonly #handler: HandlerDeps;
  readonly #server: Server;
  readonly #active = new Set<Promise<unknown>>();
  #stopping: Promise<void> | null = null;

  private constructor(deps: ContentServerDeps, options: ContentServerOptions) {
    this.#deps = deps;
    this.#settings = { ...DEFAULTS, ...options };
    const { clock, emit } = deps;
    const { bytesPerSecond, maxParallelRequests, requestsPerMinute, writeTimeoutMs } = this.#settings;
    this.#slots = new ClientSlots({ clock }, this.#settings);
    this.#rate = new RateLimit({ clock }, { bytesPerSecond });
    this.#pieces = createPieceServer(deps, this.#settings);
    this.#connections = new MemberConnections(deps, { maxPerAddress: this.#settings.maxConnectionsPerAddress });
    const perMinute = requestsPerMinute;
    const caps = new RequestCaps({ clock }, { maxParallel: maxParallelRequests, perMinute, burst: perMinute / 4 });
    const refused: HandlerDeps['refused'] = (nodeId, status, reason) =>
      emit({ type: 'serve.refused', nodeId, status, reason });
    this.#handler = { ...deps, slots: this.#slots, rate: this.#rate, caps, retry: later, refused, writeTimeoutMs };
    this.#server = this.#createServer();
  }

  /** @throws NearbitsError E_LISTEN when the port is taken or not allowed. */
  static async start(deps: ContentServerDeps, options: ContentServerOptions): Promise<ContentServer> {
    const server = new ContentServer(deps, options);
    await server.#listen();
    return server;
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Clients that hold a slot now or wait for one. */
  get clients(): number {
    return this.#slots.taken;
  }

  /** Slots that are free now; a hint for those who choose a peer. */
  freeSlots(): number {
    return this.#slots.free;
  }

  /** A few pieces of a record for the answer to a proven member's search, within the limits of all content; see {@link readInline}. */
  async inline(nodeId: NodeId, recordId: RecordId, pieces: readonly Piece[]): Promise<InlineContent | null> {
    if (this.#stopping !== null) return null;
    const work = readInline(this.#handler, nodeId, recordId, pieces);
    const ended = work.catch(() => undefined).finally(() => this.#active.delete(ended));
    this.#active.add(ended);
    return await work;
  }

  /** Takes new limits at once, for running answers too. */
  update(limits: Partial<ServeLimits>): void {
    Object.assign(this.#settings, limits);
    this.#rate.update(this.#settings.bytesPerSecond);
    this.#slots.update(this.#settings);
    this.#pieces?.update(this.#settings.pieces);
  }

  /** Stops listening, breaks off what is being sent, and waits until nothing of it is left. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #createServer(): Server {
    const { handshakeTimeoutMs, headersTimeoutMs, keepAliveMs, maxConnections } = this.#settings;
    const server = createServer({
      ...contentTlsOptions(this.#deps.membership()),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: handshakeTimeoutMs,
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: headersTimeoutMs,
      // Nothing but a head is expected, so the whole request has no more time than that.
      requestTimeout: headersTimeoutMs,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: keepAliveMs,
      noDelay: true,
    });
    server.maxConnections = maxConnections;
    server.on('connection', (socket) => this.#admit(socket as Socket));
    server.on('tlsClientError', (error, socket) => this.#refused(socket, error));
    server.on('request', (request, response) => this.#answer(request, response));
    return server;
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#settings;
    const listening = Promise.withResolvers<void>();
    this.#server.once('error', listening.reject);
    this.#server.listen({ host, port }, listening.resolve);
    try {
      await listening.promise;
    } catch (error) {
      throw new NearbitsError('E_LISTEN', `cannot serve content on ${host} port ${port} (${systemErrorCode(error)})`, {
        cause: error,
        hint: 'Another program uses the port: stop it, or set contentPort to another one.',
      });
    }
    this.#server.off('error', listening.reject);
    this.#server.on('error', (error) => this.#deps.log.warn({ err: error }, 'the content server had an error'));
  }

  #admit(socket: Socket): void {
    if (!this.#connections.admit(socket)) socket.destroy();
  }

  #prove(request: IncomingMessage): NodeId | null {
    const socket = request.socket as TLSSocket;
    const chain = request.headers[CHAIN_HEADER];
    try {
      return this.#connections.prove(socket, typeof chain === 'string' ? chain : undefined);
    } catch (error) {
      this.#refused(socket, toNearbitsError(error));
      return null;
    }
  }

  #refused(socket: TLSSocket, error: Error): void {
    const reason = socket.authorizationError?.toString() ?? faultOf(error);
    this.#deps.log.debug({ address: socket.remoteAddress, reason }, 'refused a connection');
    this.#deps.emit({ type: 'serve.refused', nodeId: null, status: 0, reason });
    socket.destroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const nodeId = this.#prove(request);
    if (nodeId === null || this.#stopping !== null) return void request.socket.destroy();
    response.sendDate = false;
    const answered = this.#pieces?.answers(request.url)
      ? this.#pieces.answer(nodeId, request, response)
      : answerContent(this.#handler, nodeId, request, response);
    const work = answered.finally(() => this.#active.delete(work));
    this.#active.add(work);
  }

  async #stop(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#slots.close();
    this.#connections.closeAll();
    await Promise.all([...this.#active, closed.promise]);
  }
}

function createPieceServer(deps: ContentServerDeps, { pieces, writeTimeoutMs }: Settings): PieceServer | null {
  if (deps.pieces === undefined) return null;
  const { clock, log } = deps;
  return new PieceServer({ ...deps.pieces, clock, log }, { limits: pieces, writeTimeoutMs });
}

function faultOf(error: Error): string {
  if (error instanceof NearbitsError) return String(error.details.reason ?? error.code);
  return systemErrorCode(error) ?? 'handshake failed';
}
