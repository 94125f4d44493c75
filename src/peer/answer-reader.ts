import type { Clock, Timer } from '../core/clock.ts';
import type { NearbitsError } from '../core/errors.ts';
import type { ByteSink } from '../core/source.ts';
import { ChunkAssembler } from './chunk-assembler.ts';
import {
  type AnswerHead,
  type ContentQuestion,
  isPlainRefusal,
  MAX_ANSWER_HEAD_BYTES,
  parseAnswerHead,
  peerError,
} from './content-answer.ts';
import { Pace, type PaceLimits } from './pace.ts';

/** How long a peer may take; every limit has its own name in `details.timeout`. */
export interface AnswerLimits extends PaceLimits {
  /** From the request to the end of the answer's head, in ms; longer than the peer lets its clients wait for a slot. */
  readonly firstByteTimeoutMs: number;
}

/** One request's answer and where it goes. */
export interface AnswerOptions {
  readonly asked: ContentQuestion;
  readonly sink: ByteSink;
  readonly limits: AnswerLimits;
  /** Lets the socket read again after {@link AnswerReader.take} said no. */
  readonly resume: () => void;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Reads one answer: the head, which must be exactly right, then exactly the asked bytes. One chunk at a time is with the
 * sink; while it is there, what the socket still had in hand (one TLS read) waits here and nothing more is read.
 */
export class AnswerReader {
  readonly #options: AnswerOptions;
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #done = Promise.withResolvers<void>();
  readonly #waiting: Uint8Array[] = [];
  #timer: Timer;
  #head: Buffer | null = Buffer.alloc(0);
  /** The body; null until the head is accepted. */
  #chunks: ChunkAssembler | null = null;
  #keepAlive = false;
  #refused = false;
  #sinkIsBusy = false;
  #settled = false;

  constructor(deps: { readonly clock: Clock }, options: AnswerOptions) {
    const { limits } = options;
    this.#options = options;
    this.#clock = deps.clock;
    this.#pace = new Pace(deps, limits, () => this.fail(this.#late('stallTimeoutMs', 'stopped sending')));
    this.#timer = deps.clock.after(limits.firstByteTimeoutMs, () =>
      this.fail(this.#late('firstByteTimeoutMs', `did not answer within ${limits.firstByteTimeoutMs} ms`)),
    );
    this.#done.promise.catch(() => {});
  }

  /** Resolves when the sink has taken the last byte; rejects with the first failure, at once. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Whether any byte of the answer has come. */
  get begun(): boolean {
    return this.#head === null || this.#head.length > 0;
  }

  /** Whether the connection can be used for another request after {@link done}. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** Whether the peer said no and nothing else, so that the connection can be used for another request. */
  get refused(): boolean {
    return this.#refused && this.#keepAlive;
  }

  /** Where the socket is best read to next: for a part of the body that is where it belongs. Null: anywhere. */
  get place(): Uint8Array | null {
    return this.#settled ? null : (this.#chunks?.place() ?? null);
  }

  /** Takes what the socket read, which stays the caller's; false: read no more until `resume` is called. */
  take(bytes: Buffer): boolean {
    // Bytes behind the last one: the answer is good, the connection is not.
    if (this.#settled) {
      this.#keepAlive = false;
      return false;
    }
    try {
      const body = this.#head === null ? bytes : this.#takeHead(this.#head, bytes);
      if (body !== null) this.#takeBody(body);
    } catch (error) {
      this.fail(error);
    }
    return !this.#sinkIsBusy;
  }

  /** Ends the reading with this failure, unless it has ended. */
  fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#chunks?.drop();
    this.#waiting.length = 0;
    this.#done.reject(error);
  }

  // The rest of `bytes` behind the head, or null when the head is not complete yet.
  #takeHead(sofar: Buffer, bytes: Buffer): Buffer | null {
    const head = Buffer.concat([sofar, bytes]);
    const end = head.indexOf(HEAD_END);
    if ((end < 0 ? head.length : end) > MAX_ANSWER_HEAD_BYTES) throw this.#broken('sent a head that is too large');
    this.#head = end < 0 ? head : null;
    if (end < 0) return null;
    const body = head.subarray(end + HEAD_END.length);
    this.#begin(parseAnswerHead(head.toString('latin1', 0, end)), body.length === 0);
    return body;
  }

  #begin(head: AnswerHead | null, isAll: boolean): void {
    if (head === null) throw this.#broken('does not answer in HTTP/1.1');
    this.#keepAlive = head.headers.get('connection')?.toLowerCase() !== 'close';
    this.#refused = isAll && isPlainRefusal(head);
    const range = this.#options.asked.accept(head);
    this.#chunks = new ChunkAssembler({ clock: this.#clock }, range);
    this.#timer.cancel();
    this.#pace.resume();
  }

  #takeBody(bytes: Buffer): void {
    const chunks = this.#chunks as ChunkAssembler; // the head was accepted
    this.#pace.progress(bytes.length);
    if (bytes.length > chunks.missing) throw this.#broken('sent more bytes than were asked for');
    chunks.add(bytes, (chunk) => this.#waiting.push(chunk));
    if (!this.#sinkIsBusy) this.#pump();
  }

  // Hands over what waits until the sink holds back, then ends or reads on.
  #pump(): void {
    while (!this.#settled && !this.#sinkIsBusy) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) {
        if (this.#chunks?.missing === 0) this.#finish();
        return;
      }
      const taken = this.#options.sink(chunk);
      if (taken !== undefined) this.#holdBack(taken);
    }
  }

  #holdBack(taken: Promise<void>): void {
    this.#sinkIsBusy = true;
    this.#pace.pause();
    taken.then(
      () => this.#goOn(),
      (error: unknown) => this.fail(error),
    );
  }

  #goOn(): void {
    this.#sinkIsBusy = false;
    if (this.#settled) return;
    this.#pace.resume();
    try {
      this.#pump();
    } catch (error) {
      this.fail(error);
    }
    if (!this.#sinkIsBusy) this.#options.resume();
  }

  #finish(): void {
    this.#settle();
    this.#done.resolve();
  }

  #settle(): void {
    this.#settled = true;
    this.#timer.cancel();
    this.#pace.stop();
  }

  #late(timeout: string, what: string): NearbitsError {
    return peerError('E_PEER_TIMEOUT', this.#options.asked.nodeId, what, { timeout });
  }

  #broken(what: string): NearbitsError {
    return peerError('E_PEER_PROTOCOL', this.#options.asked.nodeId, what);
  }
}
