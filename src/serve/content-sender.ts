import type { ServerResponse } from 'node:http';
import { rangeLength } from '../core/byte-range.ts';
import { CHUNK_BYTES, sharedChunks } from '../core/chunk-pool.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { ByteSink } from '../core/source.ts';
import type { ContentAnswer } from './content-request.ts';
import type { RateLimit } from './rate-limit.ts';

/** What a sender works with. */
export interface SenderDeps {
  readonly clock: Clock;
  readonly rate: RateLimit;
  readonly response: ServerResponse;
}

/** One answer to send. */
export interface SenderOptions {
  readonly client: NodeId;
  readonly answer: ContentAnswer;
  /** A write of at most one chunk (1 MiB) that the client does not take in this time ends the connection. */
  readonly writeTimeoutMs: number;
  /**
   * One chunk may be on its way while the next one is read and checked, so two are held at most. Else one is: enough for
   * short answers, of which others are read meanwhile.
   */
  readonly readsAhead: boolean;
  readonly signal: AbortSignal;
}

/**
 * Node's TLS holds what it has encrypted of a write until the kernel has taken all of it. Many answers at a time go out in
 * small writes, which take a node of a swarm 20 MiB less. Long ones are what a fast partner asks for, one or two at a time.
 */
const WRITE_BYTES = 256 * 1024;
const LONG_BYTES = 4 * CHUNK_BYTES;

/** To copy less than this costs less than a packet of its own for the head. */
const COPIED_BYTES = 16 * 1024;

/** Sends the bytes of one answer: at the node's rate, no faster than the client reads, headers with the first byte. */
export class ContentSender {
  readonly #deps: SenderDeps;
  readonly #options: SenderOptions;
  #sending: Promise<void> = Promise.resolve();
  readonly #writeBytes: number;
  #granted = 0;
  #toSend: number;
  #sent = 0;

  constructor(deps: SenderDeps, options: SenderOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#toSend = rangeLength(options.answer.range);
    this.#writeBytes = this.#toSend > LONG_BYTES ? CHUNK_BYTES : WRITE_BYTES;
  }

  /** Bytes of content that went to the client so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Takes the next chunk; resolves when another one may be read. */
  readonly sink: ByteSink = (chunk) => {
    const before = this.#sending;
    this.#sending = before.then(() => this.#send(chunk));
    // finish() or the next call waits for it; until then its failure is no unhandled one.
    this.#sending.catch(() => {});
    return this.#options.readsAhead ? before : this.#sending;
  };

  /** Waits until everything is sent and ends the answer. */
  async finish(): Promise<void> {
    await this.#sending;
    this.#head();
    this.#deps.response.end();
  }

  async #send(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.byteLength > 0; ) {
      const allowed = this.#deps.rate.unlimited ? rest.byteLength : await this.#allowance(rest.byteLength);
      this.#head();
      await this.#write(rest.subarray(0, allowed));
      this.#toSend -= allowed;
      this.#sent += allowed;
      rest = rest.subarray(allowed);
    }
    sharedChunks.giveBack(chunk);
  }

  async #allowance(wanted: number): Promise<number> {
    const { client, signal } = this.#options;
    if (this.#granted === 0) this.#granted = await this.#deps.rate.take(client, this.#toSend, signal);
    const allowed = Math.min(this.#granted, wanted);
    this.#granted -= allowed;
    return allowed;
  }

  // Not before the first byte was checked and may go: until then the answer can still become another one.
  #head(): void {
    const { response } = this.#deps;
    if (response.headersSent) return;
    response.writeHead(this.#options.answer.status, { ...this.#options.answer.headers });
    // What is written together with the head, Node's TLS first copies to one buffer.
    if (this.#toSend > COPIED_BYTES) response.flushHeaders();
  }

  /** Resolves when the kernel has taken the bytes. */
  async #write(bytes: Uint8Array): Promise<void> {
    const { clock } = this.#deps;
    const { signal, writeTimeoutMs } = this.#options;
    signal.throwIfAborted();
    const written = Promise.withResolvers<void>();
    const timer = clock.after(writeTimeoutMs, () => written.reject(slowReader(writeTimeoutMs)));
    // A connection that is gone does not always answer for the writes it still had.
    const gone = () => written.reject(signal.reason);
    signal.addEventListener('abort', gone, { once: true });
    this.#writeNext(bytes, written);
    try {
      await written.promise;
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', gone);
    }
  }

  // After a failure nothing calls back any more, or the connection is closed and takes nothing.
  #writeNext(bytes: Uint8Array, written: PromiseWithResolvers<void>): void {
    const rest = bytes.subarray(this.#writeBytes);
    this.#deps.response.write(bytes.subarray(0, this.#writeBytes), (error) => {
      if (error) written.reject(error);
      else if (rest.byteLength > 0) this.#writeNext(rest, written);
      else written.resolve();
    });
  }
}

function slowReader(writeTimeoutMs: number): NearbitsError {
  return new NearbitsError('E_PEER_TIMEOUT', `the client took no chunk for ${writeTimeoutMs} ms`, {
    details: { timeout: 'writeTimeoutMs' },
  });
}
