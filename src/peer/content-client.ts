import { rangeLength } from '../core/byte-range.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { RecordId } from '../core/ids.ts';
import type { ByteSink, Source } from '../core/source.ts';
import type { Membership } from '../domain/membership.ts';
import type { Logger } from '../observe/log.ts';
import type { AnswerLimits } from './answer-reader.ts';
import {
  type ConnectLimits,
  ContentConnection,
  type ContentRequest,
  type ContentTarget,
} from './content-connection.ts';

/** What the client works with. */
export interface ContentClientDeps {
  /** The membership of now; connections proven under another one are not used again. */
  readonly membership: () => Membership;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Options of the client; the defaults stand in {@link DEFAULTS}. */
export interface ContentClientOptions extends Partial<ConnectLimits>, Partial<AnswerLimits> {
  /** Connections that are kept for the next request, over all peers. */
  readonly maxIdle?: number;
  /** How long one is kept, in ms; shorter than servers keep theirs, so that requests seldom meet a closed one. */
  readonly idleMs?: number;
}

const DEFAULTS = {
  connectTimeoutMs: 3_000,
  handshakeTimeoutMs: 5_000,
  // Servers of ours wait at most a minute for a slot, two seconds by default.
  firstByteTimeoutMs: 15_000,
  stallTimeoutMs: 10_000,
  stallBytes: 4_096,
  maxIdle: 16,
  idleMs: 10_000,
} as const;

/** A record on a peer, as a search found it. */
export interface ContentHolder extends ContentTarget {
  readonly record: { readonly id: RecordId; readonly version: FileVersion };
}

interface Idle {
  readonly key: string;
  readonly connection: ContentConnection;
  readonly timer: Timer;
}

/** Fetches content from peers over mutual TLS and keeps a bounded number of connections for the next request. */
export class ContentClient {
  readonly #deps: ContentClientDeps;
  readonly #options: Required<ContentClientOptions>;
  // Oldest first.
  readonly #idle = new Set<Idle>();
  readonly #closing = new AbortController();

  constructor(deps: ContentClientDeps, options: ContentClientOptions) {
    this.#deps = deps;
    this.#options = { ...DEFAULTS, ...options };
  }

  /** The record on that peer as a source of bytes; nothing is opened before its first fetch. */
  source(holder: ContentHolder): Source {
    return {
      kind: 'peer',
      id: holder.nodeId,
      fetch: (range, sink, signal) => {
        const { nodeId, record } = holder;
        const request = { nodeId, id: record.id, size: record.version.size, range };
        return this.#fetch(holder, request, sink, AbortSignal.any([signal, this.#closing.signal]));
      },
    };
  }

  /** Ends what is running and closes every connection. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const idle of [...this.#idle]) this.#drop(idle);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Exactly the bytes of the range, or a failure.
   * @throws NearbitsError E_PEER_UNREACHABLE, E_PEER_UNAUTHENTICATED, E_PEER_TIMEOUT (`details.timeout` names the limit),
   * E_PEER_BUSY (`details.retryAfterMs`), E_PEER_GONE, E_PEER_PROTOCOL, E_INVALID_RANGE or E_CANCELLED; what the sink throws is passed on.
   */
  async #fetch(target: ContentTarget, request: ContentRequest, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const { range, size } = request;
    if (range.start < 0 || range.start > range.end || range.end > size) {
      throw new NearbitsError('E_INVALID_RANGE', `no such range in a file of ${size} bytes`, { details: { ...range } });
    }
    if (signal.aborted) throw toNearbitsError(signal.reason, 'E_CANCELLED');
    if (rangeLength(range) === 0) return;
    const kept = this.#takeIdle(keyOf(target));
    if (kept !== null && (await this.#triedOn(kept, target, request, sink, signal))) return;
    const { clock, membership } = this.#deps;
    const deps = { clock, membership: membership() };
    const connection = await ContentConnection.open(deps, target, this.#options, signal);
    await this.#fetchOn(connection, target, request, sink, signal);
  }

  /** False when the peer had closed the kept connection: nothing was answered, so asking once more is safe (RFC 9112 section 9.3.1). */
  async #triedOn(
    connection: ContentConnection,
    target: ContentTarget,
    request: ContentRequest,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#fetchOn(connection, target, request, sink, signal);
      return true;
    } catch (error) {
      const wasClosed = toNearbitsError(error).code === 'E_PEER_UNREACHABLE' && !connection.answering;
      if (!wasClosed) throw error;
      this.#deps.log.debug({ nodeId: target.nodeId }, 'a kept connection was closed; connecting anew');
      return false;
    }
  }

  async #fetchOn(
    connection: ContentConnection,
    target: ContentTarget,
    request: ContentRequest,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<void> {
    await connection.fetch(request, sink, this.#options, signal);
    if (connection.usable && !this.#closing.signal.aborted) this.#keep(keyOf(target), connection);
  }

  #takeIdle(key: string): ContentConnection | null {
    for (const idle of this.#idle) {
      if (idle.key !== key) continue;
      this.#idle.delete(idle);
      idle.timer.cancel();
      if (this.#isGood(idle.connection)) return idle.connection;
      idle.connection.destroy();
    }
    return null;
  }

  // What proved the peer must still hold: the same membership (and revocation list), and no certificate run out.
  #isGood(connection: ContentConnection): boolean {
    const { membership, clock } = this.#deps;
    return connection.usable && connection.membership === membership() && clock.wallMs() <= connection.notAfterMs;
  }

  #keep(key: string, connection: ContentConnection): void {
    const idle: Idle = {
      key,
      connection,
      timer: this.#deps.clock.after(this.#options.idleMs, () => this.#drop(idle)),
    };
    this.#idle.add(idle);
    const [oldest] = this.#idle;
    if (this.#idle.size > this.#options.maxIdle && oldest !== undefined) this.#drop(oldest);
  }

  #drop(idle: Idle): void {
    this.#idle.delete(idle);
    idle.timer.cancel();
    idle.connection.destroy();
  }
}

function keyOf({ nodeId, host, port }: ContentTarget): string {
  return `${nodeId} ${host} ${port}`;
}
