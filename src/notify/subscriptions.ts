import type { PendingNotification } from './notification.ts';
import type { Outbox } from './outbox.ts';
import type { PendingFilter } from './pending-index.ts';

/** So many ids are looked up at a time; of the notifications themselves a reader holds one. */
const PAGE_SIZE = 256;

/** Lets one reader sleep until something happened. */
class Bell {
  #rung = Promise.withResolvers<void>();

  readonly ring = (): void => this.#rung.resolve();

  /** Resolves when it rang since the last time. */
  async heard(): Promise<void> {
    await this.#rung.promise;
    this.#rung = Promise.withResolvers();
  }
}

/** Readers of the outbox. Each has its own place in it, so a slow one costs a place and no queue. */
export class Subscriptions {
  readonly #outbox: Outbox;
  readonly #bells = new Set<Bell>();

  constructor(deps: { readonly outbox: Outbox }) {
    this.#outbox = deps.outbox;
  }

  /** Something was added. */
  ring(): void {
    for (const bell of this.#bells) bell.ring();
  }

  /** All that is pending from old to new, then what comes; ends when the signal aborts. @throws NearbitsError E_IO */
  async *read(filter: PendingFilter, signal: AbortSignal): AsyncGenerator<PendingNotification> {
    const bell = new Bell();
    this.#bells.add(bell);
    signal.addEventListener('abort', bell.ring);
    try {
      yield* this.#follow(filter, bell, signal);
    } finally {
      this.#bells.delete(bell);
      signal.removeEventListener('abort', bell.ring);
    }
  }

  async *#follow(filter: PendingFilter, bell: Bell, signal: AbortSignal): AsyncGenerator<PendingNotification> {
    let cursor = '';
    while (!signal.aborted) {
      const page = this.#outbox.index.page(filter, cursor, PAGE_SIZE);
      for (const id of page.ids) {
        const notification = await this.#outbox.take(id, 'subscriber');
        if (signal.aborted) return;
        if (notification !== undefined) yield notification;
      }
      cursor = page.cursor;
      if (page.ids.length === 0) await bell.heard();
    }
  }
}
