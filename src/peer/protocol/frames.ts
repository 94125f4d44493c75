import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface';
import { NearbitsError } from '../../core/errors.ts';
import { protocolError } from './wire.ts';

/** Lengths up to 2^21 - 1 take three bytes as a varint; our largest message has 1 MiB. */
const MAX_PREFIX_BYTES = 3;

/**
 * Reads the one message that the other end sends on a stream: its length as an unsigned varint, then so many bytes. The
 * stream is aborted on every failure, and nothing beyond the message is kept.
 *
 * libp2p's own readers (lpStream, pbStream) are not used: they buffer what they were not asked for, and over their limit
 * they throw inside an event listener, where nobody can catch it.
 * @throws NearbitsError E_PEER_PROTOCOL when the message is longer than `maxBytes`, cut off, or followed by more; E_PEER_UNREACHABLE when the stream breaks; the signal's reason when it aborts.
 */
export function readMessage(stream: Stream, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const assembler = new MessageAssembler(maxBytes);
    const finish = (settle: () => void) => {
      stream.removeEventListener('message', onMessage);
      stream.removeEventListener('end', onEnd);
      stream.removeEventListener('close', onClose);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (error: Error) =>
      finish(() => {
        stream.abort(error);
        reject(error);
      });
    const onMessage = ({ data }: StreamMessageEvent) => {
      try {
        const message = assembler.add(data.subarray());
        if (message !== null) finish(() => resolve(message));
      } catch (error) {
        fail(error as NearbitsError);
      }
    };
    // Only while the stream is whole did the peer end its message itself; else the connection went away under it.
    const onEnd = () => fail(stream.status === 'open' ? protocolError('its message is cut off') : unreachable());
    const onClose = ({ error }: StreamCloseEvent) => fail(unreachable(error));
    const onAbort = () => fail(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    stream.addEventListener('end', onEnd);
    stream.addEventListener('close', onClose);
    // Last, because what has already arrived is delivered by adding this listener.
    stream.addEventListener('message', onMessage);
    if (stream.readableEnded) onEnd();
  });
}

/**
 * Sends one message and closes our side of the stream. Resolves when the transport has taken all of it.
 * @throws NearbitsError E_PEER_UNREACHABLE when the stream breaks; the signal's reason when it aborts. The stream is aborted then.
 */
export async function writeMessage(stream: Stream, message: Uint8Array, signal: AbortSignal): Promise<void> {
  try {
    signal.throwIfAborted();
    stream.send(frame(message));
    await stream.close({ signal });
  } catch (error) {
    const failure = signal.aborted ? (signal.reason as Error) : unreachable(error);
    stream.abort(failure);
    throw failure;
  }
}

/**
 * Waits until the other end has closed its side too, so that nobody can pile up half-open streams. The stream is aborted
 * when the signal is.
 */
export function streamClosed(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = () => stream.abort(signal.reason as Error);
    stream.addEventListener('close', finish);
    signal.addEventListener('abort', onAbort);
    if (stream.status !== 'open') finish();
    else if (signal.aborted) onAbort();
  });
}

/**
 * Sends our one message on a fresh stream and reads the peer's.
 * @throws NearbitsError as {@link readMessage} and {@link writeMessage} do.
 */
export async function exchangeMessages(
  stream: Stream,
  message: Uint8Array,
  maxAnswerBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  // The reader first: an answer that arrives while we still send must find it.
  const [answer] = await Promise.all([
    readMessage(stream, maxAnswerBytes, signal),
    writeMessage(stream, message, signal),
  ]);
  return answer;
}

/** A message as it travels: its length as an unsigned varint, then its bytes. */
export function frame(message: Uint8Array): Uint8Array {
  return Buffer.concat([varint(message.length), message]);
}

/** Reads the length of a message, byte by byte. */
export class LengthPrefix {
  readonly #maxBytes: number;
  #value = 0;
  #factor = 1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes a byte; returns the length once it is known, and then begins anew. @throws NearbitsError E_PEER_PROTOCOL when it is too long. */
  add(byte: number): number | null {
    this.#value += (byte & 0x7f) * this.#factor;
    this.#factor *= 128;
    if (byte >= 0x80) {
      if (this.#factor >= 128 ** MAX_PREFIX_BYTES) throw protocolError('a message that is far too long');
      return null;
    }
    const length = this.#value;
    if (length > this.#maxBytes) throw protocolError(`a message of ${length} bytes`);
    this.#value = 0;
    this.#factor = 1;
    return length;
  }
}

/** Puts one length-prefixed message together; holds at most that message. */
export class MessageAssembler {
  readonly #prefix: LengthPrefix;
  #length: number | null = null;
  #chunks: Uint8Array[] = [];
  #received = 0;

  constructor(maxBytes: number) {
    this.#prefix = new LengthPrefix(maxBytes);
  }

  /** Takes a chunk; returns the message once it is complete. @throws NearbitsError E_PEER_PROTOCOL */
  add(chunk: Uint8Array): Uint8Array | null {
    const rest = this.#length === null ? this.#readPrefix(chunk) : chunk;
    if (rest.length > 0) this.#chunks.push(rest);
    this.#received += rest.length;
    if (this.#length === null || this.#received < this.#length) return null;
    if (this.#received > this.#length) throw protocolError('bytes follow its message');
    return Buffer.concat(this.#chunks, this.#length);
  }

  // Returns what follows the prefix, or nothing while it is incomplete.
  #readPrefix(chunk: Uint8Array): Uint8Array {
    for (const [index, byte] of chunk.entries()) {
      this.#length = this.#prefix.add(byte);
      if (this.#length !== null) return chunk.subarray(index + 1);
    }
    return chunk.subarray(chunk.length);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Uint8Array.of(...bytes, rest);
}

function unreachable(cause?: unknown): NearbitsError {
  return new NearbitsError('E_PEER_UNREACHABLE', 'the peer closed the stream', { cause });
}
