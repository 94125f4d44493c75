import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { ContentId, RecordId } from '../core/ids.ts';
import type { ByteSink, Source } from '../core/source.ts';
import type { Membership } from '../domain/membership.ts';
import type { Logger } from '../observe/log.ts';
import type { AnswerLimits } from './answer-reader.ts';
import { type AnswerHead, type ContentQuestion, checkRange } from './content-answer.ts';
import { type ConnectLimits, ContentConnection, type ContentTarget } from './content-connection.ts';
import { descriptorQuestion, type PieceQuestion, piecesQuestion, type TakeReceipts } from './piece-questions.ts';

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
  // A swarm has 12 to 24 partners, and two requests are made to one of them at once.
  maxIdle: 64,
  idleMs: 10_000,
} as const;

/** A record on a peer, as a search found it. */
export interface ContentHolder extends ContentTarget {
  readonly record: { readonly id: RecordId; readonly version: FileVersion };
}

/** Who takes pieces: first their receipts, then their bytes. */
export interface PieceTaker {
  readonly onReceipts: TakeReceipts;
  readonly sink: ByteSink;
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
      fetch: async (range, sink, signal) => {
        const question = recordQuestion(holder, range);
        if (rangeLength(range) > 0) await this.#fetch(holder, question, sink, signal);
      },
    };
  }

  /**
   * Fetches whole pieces of a content from a peer: at most 16 pieces and 4 MiB, or one piece if that is larger. Hands
   * over their receipts, unread, before the first byte.
   * @throws NearbitsError as a source does; E_PEER_GONE when the peer cannot give all of them now; what the taker throws is passed on.
   */
  async fetchPieces(
    target: ContentTarget,
    pieces: PieceQuestion,
    taker: PieceTaker,
    signal: AbortSignal,
  ): Promise<void> {
    const question = piecesQuestion(target.nodeId, pieces, (receipts) => taker.onReceipts(receipts));
    await this.#fetch(target, question, taker.sink, signal);
  }

  /**
   * Fetches the descriptor of a content as the peer signed it, unread, at most 272 KiB.
   * @throws NearbitsError as a source does; E_PEER_GONE when the peer has none to give.
   */
  async fetchDescriptor(target: ContentTarget, contentId: ContentId, signal: AbortSignal): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    const question = descriptorQuestion(target.nodeId, contentId);
    await this.#fetch(target, question, (chunk) => void chunks.push(chunk), signal);
    return Buffer.concat(chunks);
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
   * Exactly the bytes that were asked for, or a failure.
   * @throws NearbitsError E_PEER_UNREACHABLE, E_PEER_UNAUTHENTICATED, E_PEER_TIMEOUT (`details.timeout` names the limit),
   * E_PEER_BUSY (`details.retryAfterMs`), E_PEER_GONE, E_PEER_PROTOCOL or E_CANCELLED; what the sink throws is passed on.
   */
  async #fetch(target: ContentTarget, question: ContentQuestion, sink: ByteSink, caller: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([caller, this.#closing.signal]);
    if (signal.aborted) throw toNearbitsError(signal.reason, 'E_CANCELLED');
    const kept = this.#takeIdle(keyOf(target));
    if (kept !== null && (await this.#triedOn(kept, target, question, sink, signal))) return;
    const { clock, membership } = this.#deps;
    const deps = { clock, membership: membership() };
    const connection = await ContentConnection.open(deps, target, this.#options, signal);
    await this.#fetchOn(connection, target, question, sink, signal);
  }

  /** False when the peer had closed the kept connection: nothing was answered, so asking once more is safe (RFC 9112 section 9.3.1). */
  async #triedOn(
    connection: ContentConnection,
    target: ContentTarget,
    question: ContentQuestion,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#fetchOn(connection, target, question, sink, signal);
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
    question: ContentQuestion,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await connection.fetch(question, sink, this.#options, signal);
    } finally {
      if (connection.usable && !this.#closing.signal.aborted) this.#keep(keyOf(target), connection);
    }
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

/** @throws NearbitsError E_INVALID_RANGE when no such range is in the file. */
function recordQuestion({ nodeId, record }: ContentHolder, range: ByteRange): ContentQuestion {
  const { size } = record.version;
  if (range.start < 0 || range.start > range.end || range.end > size) {
    throw new NearbitsError('E_INVALID_RANGE', `no such range in a file of ${size} bytes`, { details: { ...range } });
  }
  const accept = (head: AnswerHead) => checkRange(head, { nodeId, range, size });
  return { nodeId, path: `/content/${record.id}`, range, accept };
}

function keyOf({ nodeId, host, port }: ContentTarget): string {
  return `${nodeId} ${host} ${port}`;
}
