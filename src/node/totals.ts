import type { TransferId } from '../core/ids.ts';
import type { NodeEvent } from '../observe/events.ts';

/** Bytes moved since the node started. */
export interface Totals {
  bytesFromPeers: number;
  bytesFromOrigin: number;
  bytesFromCache: number;
  bytesServed: number;
}

type Received = Pick<
  NodeEvent & { type: 'transfer.progress' },
  'bytesFromPeers' | 'bytesFromOrigin' | 'bytesFromCache'
>;

/** Adds up what the events tell; progress events carry sums of one transfer, so only what they grew by counts. */
export class TotalsCounter {
  readonly totals: Totals = { bytesFromPeers: 0, bytesFromOrigin: 0, bytesFromCache: 0, bytesServed: 0 };
  readonly #last = new Map<TransferId, Received>();

  /** Takes in one event. */
  observe(event: NodeEvent): void {
    if (event.type === 'serve.finished') this.totals.bytesServed += event.bytes;
    else if (event.type === 'transfer.progress') this.#progress(event);
    else if (event.type === 'transfer.completed' || event.type === 'transfer.failed')
      this.#last.delete(event.transferId);
  }

  #progress(event: NodeEvent & { type: 'transfer.progress' }): void {
    const last = this.#last.get(event.transferId);
    for (const key of ['bytesFromPeers', 'bytesFromOrigin', 'bytesFromCache'] as const) {
      // A transfer that starts over counts from zero again.
      this.totals[key] += Math.max(0, event[key] - (last?.[key] ?? 0));
    }
    this.#last.set(event.transferId, event);
  }
}
