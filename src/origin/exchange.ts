import type { Dispatcher } from 'undici';
import { sharedChunks } from '../core/chunk-pool.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { type NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { ByteSink } from '../core/source.ts';
import type { OriginDispatcher } from './dispatcher.ts';
import { timeoutError } from './failure.ts';
import { Gatherer } from './gatherer.ts';
import type { RequestHeaders, ResponseHeaders } from './headers.ts';
import type { ResponseHead } from './status.ts';
import { type Phase, transportError } from './transport-error.ts';
import { type PaceFailure, type PaceLimits, Watchdog } from './watchdog.ts';

/** One request as it goes on the wire. */
export interface ExchangeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHeaders;
}

/** The time limits of one exchange. */
export interface ExchangeLimits extends PaceLimits {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
}

/** On a slow connection bytes are handed on this often, so that progress is seen before a chunk is full. */
const HAND_ON_AFTER_MS = 100;

/** A body of at most this many bytes is read to its end when it is not wanted, which keeps the connection; larger ones cost the connection. */
const MAX_DRAINED_BYTES = 16 * 1024;

const ignore: ByteSink = (chunk) => sharedChunks.giveBack(chunk);

/**
 * One request and its answer over undici's dispatch interface, without streams in between: the parser's
 * bytes are gathered into chunks for the sink, and a sink that holds back pauses the socket. One chunk of 1 MiB
 * and what the socket has buffered by then (see connector.ts) are all that can wait here.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #clock: Clock;
  readonly #request: ExchangeRequest;
  readonly #limits: ExchangeLimits;
  readonly #signal: AbortSignal;
  readonly #watchdog: Watchdog;
  readonly #head = Promise.withResolvers<ResponseHead>();
  readonly #body = Promise.withResolvers<void>();
  readonly #queue: Uint8Array[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #phase: Phase = 'connecting';
  #timer: Timer | null = null;
  #handOn: Timer | null = null;
  #gatherer = new Gatherer(0);
  #sink: ByteSink | null = null;
  #sinkIsBusy = false;
  #received = false;
  #settled = false;

  constructor(
    deps: { readonly clock: Clock },
    options: { readonly request: ExchangeRequest; readonly limits: ExchangeLimits; readonly signal: AbortSignal },
  ) {
    this.#clock = deps.clock;
    this.#request = options.request;
    this.#limits = options.limits;
    this.#signal = options.signal;
    this.#watchdog = new Watchdog(deps, options.limits, (failure) => this.#fail(this.#tooSlow(failure)));
    // Each promise is awaited by the caller or not at all; a failure nobody waits for is no bug.
    this.#head.promise.catch(() => {});
    this.#body.promise.catch(() => {});
  }

  /**
   * Sends the request and waits for the headers; the body stays in the socket until {@link deliver} or {@link discard}.
   * @throws NearbitsError E_ORIGIN_UNREACHABLE, E_ORIGIN_TIMEOUT, E_ORIGIN_PROTOCOL or E_CANCELLED.
   */
  async send(dispatcher: OriginDispatcher): Promise<ResponseHead> {
    if (this.#signal.aborted) this.#onAbort();
    else {
      this.#signal.addEventListener('abort', this.#onAbort, { once: true });
      this.#limit('connectTimeoutMs', this.#limits.connectTimeoutMs);
      this.#dispatch(dispatcher);
    }
    return await this.#head.promise;
  }

  /**
   * Hands the body to `sink` and resolves after the last byte was taken. `start` is where in the file the body begins.
   * @throws NearbitsError as {@link send}, or E_ORIGIN_TRUNCATED; what the sink throws is passed on unchanged.
   */
  async deliver(sink: ByteSink, start: number): Promise<void> {
    this.#gatherer = new Gatherer(start);
    this.#start(sink);
    await this.#body.promise;
  }

  /** Gives up the body: reads a short one away, closes the connection for any other. */
  discard(announcedBytes: number | null): void {
    if (announcedBytes !== null && announcedBytes <= MAX_DRAINED_BYTES) this.#start(ignore);
    else this.#fail(toNearbitsError(new DOMException('the body is not wanted', 'AbortError')));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) {
      controller.abort(new Error('given up before the connection stood'));
      return;
    }
    this.#phase = 'waiting';
    this.#limit('headersTimeoutMs', this.#limits.headersTimeoutMs);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    // Interim answers (RFC 9110 section 15.2) only announce the real one.
    if (this.#settled || status < 200) return;
    this.#phase = 'body';
    this.#timer?.cancel();
    controller.pause();
    this.#head.resolve({ status, headers });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // After each pause the parser is flushed, which reports an empty chunk; pausing for that one would never end.
    if (this.#settled || chunk.length === 0) return;
    this.#watchdog.progress(chunk.length);
    // undici hands over what it has buffered although it is paused when the origin closes the connection: that waits here.
    this.#queue.push(...this.#gatherer.add(chunk));
    if (this.#gatherer.isHolding) this.#handOn ??= this.#clock.after(HAND_ON_AFTER_MS, () => this.#flush());
    this.#pump();
  }

  onResponseEnd(): void {
    this.#received = true;
    this.#flush();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(transportError(this.#request.url, this.#phase, error));
  }

  #dispatch(dispatcher: OriginDispatcher): void {
    const { origin, pathname, search } = new URL(this.#request.url);
    dispatcher.dispatch(
      {
        origin,
        path: pathname + search,
        // undici knows the usual methods by name but sends any.
        method: this.#request.method as Dispatcher.HttpMethod,
        headers: { ...this.#request.headers },
        // Our own clock keeps all limits; undici's are coarse and share one timer.
        headersTimeout: 0,
        bodyTimeout: 0,
        // undici closes the connection after each HEAD unless it is told not to; the GET that follows needs it.
        reset: false,
      },
      this,
    );
  }

  #start(sink: ByteSink): void {
    if (this.#settled) return;
    this.#sink = sink;
    this.#watchdog.resume();
    this.#pump();
  }

  #flush(): void {
    this.#handOn?.cancel();
    this.#handOn = null;
    const rest = this.#settled ? null : this.#gatherer.flush();
    if (rest !== null) this.#queue.push(rest);
    this.#pump();
  }

  // Hands over what waits, then lets the socket flow or finishes.
  #pump(): void {
    while (!this.#settled && this.#sink !== null && !this.#sinkIsBusy) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) {
        if (this.#received) this.#finish();
        else this.#controller?.resume();
        return;
      }
      this.#hand(this.#sink, chunk);
    }
  }

  #hand(sink: ByteSink, chunk: Uint8Array): void {
    try {
      const taken = sink(chunk);
      if (taken !== undefined) this.#holdBack(taken);
    } catch (error) {
      this.#fail(error);
    }
  }

  #holdBack(taken: Promise<void>): void {
    this.#sinkIsBusy = true;
    this.#watchdog.pause();
    if (!this.#received) this.#controller?.pause();
    taken.then(
      () => {
        this.#sinkIsBusy = false;
        if (!this.#settled) this.#watchdog.resume();
        this.#pump();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #limit(name: 'connectTimeoutMs' | 'headersTimeoutMs', ms: number): void {
    this.#timer?.cancel();
    const what = name === 'connectTimeoutMs' ? 'no connection' : 'no answer';
    this.#timer = this.#clock.after(ms, () =>
      this.#fail(timeoutError(this.#request.url, name, `${what} within ${ms} ms`)),
    );
  }

  #tooSlow(failure: PaceFailure): NearbitsError {
    const message =
      failure === 'stallTimeoutMs'
        ? `no bytes for ${this.#limits.stallTimeoutMs} ms`
        : `slower than ${this.#limits.minBytesPerSecond} bytes/s for ${this.#limits.rateWindowMs} ms`;
    return timeoutError(this.#request.url, failure, message);
  }

  readonly #onAbort = (): void => this.#fail(toNearbitsError(this.#signal.reason, 'E_CANCELLED'));

  #finish(): void {
    this.#settle();
    this.#body.resolve();
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#queue.length = 0;
    this.#head.reject(error);
    this.#body.reject(error);
    if (!this.#received) this.#controller?.abort(new Error('given up'));
  }

  #settle(): void {
    this.#settled = true;
    this.#timer?.cancel();
    this.#handOn?.cancel();
    this.#gatherer.drop();
    this.#watchdog.stop();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
