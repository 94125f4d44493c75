import type { Stream } from '@libp2p/interface';
import type { Clock, Timer } from '../../core/clock.ts';
import { cancelled, Deadline } from '../deadline.ts';
import { streamClosed } from '../protocol/frames.ts';
import { protocolError } from '../protocol/wire.ts';

/** Bytes that may wait for one member, before its stream is open or because it does not read. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A stream on which nothing was sent for this long is closed. */
const IDLE_MS = 120_000;
/** How long the other end may take to close its side as well. */
const CLOSE_MS = 5_000;

/** How a lane came to its end: nothing was said for a while, or something that was sent may not have arrived. */
export type LaneEnd = 'quiet' | Error;

/**
 * What is sent to one member: it waits for the stream, then goes out in order. A stream that breaks is not opened again;
 * `onEnd` is called once, also from inside {@link send}, unless the lane was closed from outside.
 */
export class Lane {
  readonly #clock: Clock;
  readonly #onEnd: (end: LaneEnd) => void;
  readonly #opening = new AbortController();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #stream: Stream | null = null;
  #ended = false;
  #timer: Timer | null = null;
  #sentMs: number;

  /** @param open opens the stream; ends when the signal aborts. */
  constructor(
    deps: { readonly clock: Clock },
    open: (signal: AbortSignal) => Promise<Stream>,
    onEnd: (end: LaneEnd) => void,
  ) {
    this.#clock = deps.clock;
    this.#onEnd = onEnd;
    this.#sentMs = deps.clock.monotonicMs();
    open(this.#opening.signal).then(
      (stream) => this.#opened(stream),
      (error: Error) => this.#lose(error),
    );
  }

  /** Sends one frame. */
  send(frame: Uint8Array): void {
    if (this.#ended) return;
    this.#sentMs = this.#clock.monotonicMs();
    if (this.#stream === null) this.#wait(frame);
    else this.#write(this.#stream, frame);
  }

  /** Ends the lane: what the stream has taken may still arrive. Returns false when messages are lost by it. */
  close(): boolean {
    const stream = this.#end();
    if (stream === null) return this.#waitingBytes === 0;
    void closeQuietly(this.#clock, stream);
    return true;
  }

  /** Ends the lane and whatever is on its way. */
  drop(): void {
    this.#end()?.abort(cancelled('the node is stopping'));
  }

  #wait(frame: Uint8Array): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#lose(tooSlow());
  }

  // libp2p keeps what the connection cannot take and sends it when that drains.
  #write(stream: Stream, frame: Uint8Array): void {
    try {
      stream.send(frame);
      if (stream.writeBufferLength > MAX_WAITING_BYTES) this.#lose(tooSlow());
    } catch (error) {
      this.#lose(error as Error);
    }
  }

  #opened(stream: Stream): void {
    if (this.#ended) {
      stream.abort(cancelled('nothing is sent any more'));
      return;
    }
    this.#stream = stream;
    stream.addEventListener('close', ({ error }) => this.#lose(error ?? new Error('the member closed the stream')));
    stream.addEventListener('message', () => this.#lose(protocolError('it answers where nothing is asked')));
    if (stream.status !== 'open') this.#lose(new Error('the stream broke at once'));
    const waiting = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    for (const frame of waiting) if (!this.#ended) this.#write(stream, frame);
    if (!this.#ended) this.#watch(IDLE_MS);
  }

  #watch(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      const leftMs = this.#sentMs + IDLE_MS - this.#clock.monotonicMs();
      if (leftMs > 0) return this.#watch(leftMs);
      this.close();
      this.#onEnd('quiet');
    });
  }

  #lose(error: Error): void {
    if (this.#ended) return;
    this.#end()?.abort(error);
    this.#onEnd(error);
  }

  // Returns the stream, for the last time.
  #end(): Stream | null {
    const stream = this.#stream;
    this.#ended = true;
    this.#stream = null;
    this.#waiting = [];
    this.#timer?.cancel();
    this.#opening.abort(cancelled('nothing is sent any more'));
    return stream;
  }
}

async function closeQuietly(clock: Clock, stream: Stream): Promise<void> {
  const deadline = new Deadline({ clock }, 'closing', CLOSE_MS);
  try {
    await stream.close({ signal: deadline.signal });
    await streamClosed(stream, deadline.signal);
  } catch (error) {
    stream.abort(error as Error);
  } finally {
    deadline.clear();
  }
}

function tooSlow(): Error {
  return new Error(`more than ${MAX_WAITING_BYTES} bytes wait for the member`);
}
