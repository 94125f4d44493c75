import { type ByteRange, rangeLength } from '../../src/core/byte-range.ts';
import { type ErrorCode, NearbitsError, toNearbitsError } from '../../src/core/errors.ts';
import type { ByteSink, Source, SourceKind } from '../../src/core/source.ts';
import type { Content } from './origin-script.ts';

/** How a scripted source behaves; absent faults do not happen. */
export interface SourceScript {
  readonly kind?: SourceKind;
  readonly id?: string;
  /** Bytes per chunk, default 64 KiB. */
  readonly chunkBytes?: number;
  /** Waits for this before each chunk, such as a tick of a manual clock. */
  readonly pace?: (signal: AbortSignal) => Promise<void>;
  /** Sends nothing more after so many bytes of a range, until it is aborted. */
  readonly stallAfterBytes?: number;
  /** Fails after so many bytes of a range, with `code`. */
  readonly cutAfterBytes?: number;
  readonly code?: ErrorCode;
  /** Flips the first byte of every chunk that holds this offset of the file. */
  readonly lieAtOffset?: number;
}

/** A source over content in memory that stalls, lies and cuts as told; remembers what it was asked. */
export class ScriptedSource implements Source {
  readonly kind: SourceKind;
  readonly id: string;
  readonly #content: Content;
  readonly asked: ByteRange[] = [];
  /** Behaviour from the next fetch on. */
  script: SourceScript;
  /** Bytes handed to sinks so far. */
  bytesSent = 0;

  constructor(content: Content, script: SourceScript = {}) {
    this.kind = script.kind ?? 'peer';
    this.id = script.id ?? 'scripted';
    this.#content = content;
    this.script = script;
  }

  async fetch(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const { script } = this;
    this.asked.push(range);
    const stopAt =
      range.start + Math.min(rangeLength(range), script.stallAfterBytes ?? script.cutAfterBytes ?? Infinity);
    for (let offset = range.start; offset < stopAt; ) {
      refuseAborted(signal);
      await script.pace?.(signal);
      const end = Math.min(stopAt, offset + (script.chunkBytes ?? 65_536));
      await orAborted(this.#hand(offset, end, sink), signal);
      offset = end;
    }
    refuseAborted(signal);
    if (script.cutAfterBytes !== undefined) {
      throw new NearbitsError(script.code ?? 'E_PEER_UNREACHABLE', 'cut as scripted');
    }
    if (script.stallAfterBytes !== undefined) await orAborted(new Promise<never>(() => {}), signal);
  }

  async #hand(start: number, end: number, sink: ByteSink): Promise<void> {
    const chunk = Buffer.from(this.#content.read(start, end));
    const { lieAtOffset } = this.script;
    if (lieAtOffset !== undefined && lieAtOffset >= start && lieAtOffset < end) chunk[0] = (chunk[0] as number) ^ 0xff;
    this.bytesSent += chunk.length;
    await sink(chunk);
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw toNearbitsError(signal.reason, 'E_CANCELLED');
}

// Rejects as soon as the signal aborts, whatever the other promise does.
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(toNearbitsError(signal.reason, 'E_CANCELLED'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    aborted.promise.catch(() => {});
  }
}
