import type { NodeEvent } from '../observe/events.ts';

/** More than this many events waiting means the client does not read. */
export const MAX_WAITING_EVENTS = 1000;

/**
 * Events on their way to one client, bounded: progress of a file replaces the progress that still waits, and a
 * client that does not keep up loses the stream, never the node its memory.
 */
export class EventQueue implements AsyncIterable<NodeEvent> {
  readonly #waiting = new Map<string | symbol, NodeEvent>();
  #wake = Promise.withResolvers<void>();
  #ended = false;
  #overflowed = false;

  /** Whether the stream ended because the client did not keep up. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** Adds an event; after {@link end} it is forgotten. */
  push(event: NodeEvent): void {
    if (this.#ended) return;
    if (event.type === 'transfer.progress') {
      // Deleted first, so that the newer progress stands behind what happened in between.
      const key = `${event.transferId}/${event.file}`;
      this.#waiting.delete(key);
      this.#waiting.set(key, event);
    } else {
      this.#waiting.set(Symbol(), event);
    }
    if (this.#waiting.size > MAX_WAITING_EVENTS) {
      this.#overflowed = true;
      this.#waiting.clear();
      this.end();
    }
    this.#wake.resolve();
  }

  /** Ends the iteration once what waits is taken. */
  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NodeEvent> {
    for (;;) {
      for (const [key, event] of this.#waiting) {
        this.#waiting.delete(key);
        yield event;
      }
      if (this.#waiting.size > 0) continue;
      if (this.#ended) return;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }
}
