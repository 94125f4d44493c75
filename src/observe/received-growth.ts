import type { TransferId } from '../core/ids.ts';
import type { NodeEvent } from './events.ts';

/** Bytes received, by the kind of their source. */
export interface Received {
  readonly peer: number;
  readonly origin: number;
  readonly cache: number;
}

/** Transfers beyond this many at the same time are not counted; the memory for telling them apart is bounded. */
const MAX_TRACKED = 10_000;
const NOTHING: Received = { peer: 0, origin: 0, cache: 0 };

/** Turns the sums that progress events carry into what came since the event before, so that they can be added up over transfers. */
export class ReceivedGrowth {
  /** By transfer and file. */
  readonly #last = new Map<string, Received>();

  /** What this event adds. A transfer that starts over counts from zero again; that takes nothing back. */
  of(event: NodeEvent & { type: 'transfer.progress' }): Received {
    const key = `${event.transferId}/${event.file}`;
    const known = this.#last.get(key);
    if (known === undefined && this.#last.size >= MAX_TRACKED) return NOTHING;
    const before = known ?? NOTHING;
    const now = { peer: event.bytesFromPeers, origin: event.bytesFromOrigin, cache: event.bytesFromCache };
    this.#last.set(key, now);
    return {
      peer: Math.max(0, now.peer - before.peer),
      origin: Math.max(0, now.origin - before.origin),
      cache: Math.max(0, now.cache - before.cache),
    };
  }

  /** Forgets a file that is complete, or all files of a transfer that failed (null). */
  forget(id: TransferId, file: number | null): void {
    if (file !== null) this.#last.delete(`${id}/${file}`);
    else for (const key of this.#last.keys()) if (key.startsWith(`${id}/`)) this.#last.delete(key);
  }
}
