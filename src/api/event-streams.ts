import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';

/** Streams at the same time; each costs a connection and a bounded queue. */
const MAX_STREAMS = 100;

/** A line goes out this often, so that both sides notice a dead connection. */
const HEARTBEAT_MS = 15_000;

/** What streams work with. */
export interface EventStreamsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the server stops, which ends all streams. */
  readonly stopping: AbortSignal;
}

/** Writes one stream; the signal aborts when the client left or the server stops. */
export type Teller = (stream: SSEStreamingApi, signal: AbortSignal) => Promise<void>;

/** All streams of server-sent events together: how many there may be, their heartbeat, and their end. */
export class EventStreams {
  readonly #deps: EventStreamsDeps;
  #open = 0;

  constructor(deps: EventStreamsDeps) {
    this.#deps = deps;
  }

  /** Answers with a stream that lasts as long as `tell`. @throws NearbitsError E_BUSY when there are too many. */
  open(context: Context, tell: Teller): Response {
    if (this.#open >= MAX_STREAMS) throw new NearbitsError('E_BUSY', `there are ${MAX_STREAMS} event streams already`);
    const response = streamSSE(context, async (stream) => {
      this.#open++;
      try {
        await this.#tell(stream, tell);
      } finally {
        this.#open--;
      }
    });
    // A stream ends with the server or because of a fault: a connection kept after it would only make stopping slow.
    response.headers.set('connection', 'close');
    return response;
  }

  async #tell(stream: SSEStreamingApi, tell: Teller): Promise<void> {
    const { clock, log, stopping } = this.#deps;
    const left = new AbortController();
    stream.onAbort(() => left.abort());
    const signal = AbortSignal.any([left.signal, stopping]);
    const heart = beat(stream, clock);
    try {
      await tell(stream, signal);
    } catch (error) {
      // The answer has begun, so that no problem can be told any more; the client sees the stream end.
      if (!signal.aborted) log.error({ err: error }, 'a stream of events broke off');
    } finally {
      heart.stop();
    }
  }
}

/** Writes a comment line every now and then; a write to a stream that ended is ignored by it. */
function beat(stream: SSEStreamingApi, clock: Clock): { stop(): void } {
  let timer = clock.after(HEARTBEAT_MS, next);
  function next(): void {
    void stream.write(': still here\n\n');
    timer = clock.after(HEARTBEAT_MS, next);
  }
  return { stop: () => timer.cancel() };
}
