import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { printRange } from '../core/byte-range.ts';
import type { Clock } from '../core/clock.ts';
import { type NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { ByteSink } from '../core/source.ts';
import type { Membership } from '../domain/membership.ts';
import { CHAIN_HEADER, printIntermediates, verifyTlsPeer } from '../domain/tls-peer.ts';
import { type AnswerLimits, AnswerReader } from './answer-reader.ts';
import { type ContentQuestion, peerError } from './content-answer.ts';
import { contentSecureContext } from './content-tls.ts';

/** Where a peer serves content. */
export interface ContentTarget {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
}

/** How long reaching a peer may take; every limit has its own name in `details.timeout`. */
export interface ConnectLimits {
  /** From the start to the TCP connection, in ms. */
  readonly connectTimeoutMs: number;
  /** From there to the end of the TLS handshake, in ms. */
  readonly handshakeTimeoutMs: number;
}

/** What is no part of a body is read to this one buffer, so receiving makes no garbage. */
const READ_BUFFER_BYTES = 64 * 1024;

/**
 * One connection to a peer's content server, which is proven to be the node that was asked for before anything is sent.
 * One request at a time. Node's own HTTPS client would do, but receiving through it costs half as much processor time again.
 */
export class ContentConnection {
  /** The membership under which the peer was proven. */
  readonly membership: Membership;
  /** When the proof runs out, in milliseconds since 1970. */
  readonly notAfterMs: number;
  readonly #clock: Clock;
  readonly #target: ContentTarget;
  readonly #socket: TLSSocket;
  #answer: AnswerReader | null = null;
  #requests = 0;

  private constructor(
    deps: { readonly clock: Clock; readonly membership: Membership },
    target: ContentTarget,
    socket: TLSSocket,
    notAfterMs: number,
  ) {
    this.membership = deps.membership;
    this.notAfterMs = notAfterMs;
    this.#clock = deps.clock;
    this.#target = target;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#lost(error));
    socket.on('close', () => this.#lost(null));
  }

  /**
   * Connects and proves the peer.
   * @throws NearbitsError E_PEER_UNREACHABLE, E_PEER_TIMEOUT, E_PEER_UNAUTHENTICATED or E_CANCELLED.
   */
  static async open(
    deps: { readonly clock: Clock; readonly membership: Membership },
    target: ContentTarget,
    limits: ConnectLimits,
    signal: AbortSignal,
  ): Promise<ContentConnection> {
    let connection: ContentConnection | null = null;
    const elsewhere = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    const options = {
      secureContext: contentSecureContext(deps.membership),
      host: target.host,
      port: target.port,
      rejectUnauthorized: true,
      // The name in the certificate is a PeerId, not a host name; verifyTlsPeer compares it.
      checkServerIdentity: () => undefined,
      onread: {
        buffer: () => connection?.place ?? elsewhere,
        callback: (bytes: number, buffer: Uint8Array) => {
          if (connection !== null) return connection.onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
          // A server that speaks before it was asked is not one of ours.
          socket.destroy();
          return false;
        },
      },
    } satisfies ConnectionOptions & { onread: object };
    const socket: TLSSocket = connect(options);
    try {
      await secured(socket, deps.clock, target.nodeId, limits, signal);
      const { trust } = deps.membership;
      const { notAfterMs } = verifyTlsPeer(socket, trust, target.nodeId, deps.clock.wallMs());
      connection = new ContentConnection(deps, target, socket, notAfterMs);
      return connection;
    } catch (error) {
      socket.on('error', () => {});
      socket.destroy();
      throw connectError(target.nodeId, error);
    }
  }

  /** Whether another request can be sent now. */
  get usable(): boolean {
    return this.#answer === null && !this.#socket.destroyed && this.#socket.writable;
  }

  /** Requests that were made on this connection and have ended. */
  get requests(): number {
    return this.#requests;
  }

  /** Whether the peer has begun to answer the request that is being made. */
  get answering(): boolean {
    return this.#answer?.begun ?? false;
  }

  /**
   * Asks one question and hands the bytes of the answer to `sink`. After any failure the connection is closed, unless the
   * peer only said no: it is asked again soon, and connecting costs both ends more than all the rest of a refusal.
   * @throws NearbitsError as {@link Source.fetch} of the content client; what the sink throws is passed on.
   */
  async fetch(asked: ContentQuestion, sink: ByteSink, limits: AnswerLimits, signal: AbortSignal): Promise<void> {
    const resume = () => void this.#socket.resume();
    const answer = new AnswerReader({ clock: this.#clock }, { asked, sink, limits, resume });
    const aborted = () => answer.fail(toNearbitsError(signal.reason, 'E_CANCELLED'));
    signal.addEventListener('abort', aborted, { once: true });
    this.#answer = answer;
    try {
      this.#socket.write(this.#requestHead(asked));
      await answer.done;
    } catch (error) {
      if (!answer.refused) this.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', aborted);
      this.#requests++;
      if (!answer.keepAlive) this.destroy();
      // Only now: whoever asks why a request failed still sees whether it had been answered.
      if (!this.#socket.destroyed) this.#answer = null;
    }
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** For the socket: where to read to next; null: anywhere. */
  get place(): Uint8Array | null {
    return this.#answer?.place ?? null;
  }

  /** For the socket: takes what was read; false when nothing more may be read now. */
  onBytes(bytes: Buffer): boolean {
    if (this.#answer !== null) return this.#answer.take(bytes);
    this.destroy();
    return false;
  }

  #requestHead({ path, range }: ContentQuestion): string {
    const chain = this.#requests === 0 ? printIntermediates(this.membership.chainDer) : '';
    return [
      `GET ${path} HTTP/1.1`,
      // The node is the host: addresses come from discovery and are nobody's name.
      `Host: ${this.#target.nodeId}`,
      ...(range === null ? [] : [`Range: bytes=${printRange(range)}`]),
      ...(chain === '' ? [] : [`${CHAIN_HEADER}: ${chain}`]),
      '\r\n',
    ].join('\r\n');
  }

  #lost(error: Error | null): void {
    const code = systemErrorCode(error);
    if (code?.startsWith('ERR_SSL_')) {
      const refused = 'broke off the TLS connection; it may not accept the certificate of this node';
      this.#answer?.fail(peerError('E_PEER_UNAUTHENTICATED', this.#target.nodeId, refused, { reason: code }, error));
    }
    const what = this.answering ? 'went away before the end of the answer' : 'closed the connection without an answer';
    this.#answer?.fail(peerError('E_PEER_UNREACHABLE', this.#target.nodeId, what, {}, error ?? undefined));
  }
}

// Resolves when the handshake is complete.
async function secured(
  socket: TLSSocket,
  clock: Clock,
  nodeId: NodeId,
  limits: ConnectLimits,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = (timeout: keyof ConnectLimits) => () =>
    reject(peerError('E_PEER_TIMEOUT', nodeId, `took more than ${limits[timeout]} ms to connect`, { timeout }));
  let timer = clock.after(limits.connectTimeoutMs, late('connectTimeoutMs'));
  const aborted = () => reject(toNearbitsError(signal.reason, 'E_CANCELLED'));
  signal.addEventListener('abort', aborted, { once: true });
  socket.once('error', reject);
  socket.once('connect', () => {
    timer.cancel();
    timer = clock.after(limits.handshakeTimeoutMs, late('handshakeTimeoutMs'));
  });
  socket.once('secureConnect', resolve);
  try {
    await promise;
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', aborted);
    socket.off('error', reject);
  }
}

// System errors mean that nobody answered; what else goes wrong here is TLS or a certificate.
const UNREACHABLE = /^(E[A-Z]{3,}|EAI_[A-Z]+)$/;

function connectError(nodeId: NodeId, error: unknown): NearbitsError {
  const known = toNearbitsError(error);
  if (known.code === 'E_PEER_TIMEOUT' || known.code === 'E_CANCELLED') return known;
  const code = systemErrorCode(error instanceof AggregateError ? error.errors[0] : error) ?? known.code;
  if (UNREACHABLE.test(code)) {
    return peerError('E_PEER_UNREACHABLE', nodeId, `cannot be reached (${code})`, { systemCode: code }, error);
  }
  const reason = known.details.reason ?? code;
  return peerError('E_PEER_UNAUTHENTICATED', nodeId, `did not prove who it is (${known.message})`, { reason }, error);
}
