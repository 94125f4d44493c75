import type { NodeEvent, SwarmMoved } from '../observe/events.ts';
import { ReceivedGrowth } from '../observe/received-growth.ts';

/** Bytes moved since the node started. */
export interface Totals {
  bytesFromPeers: number;
  bytesFromOrigin: number;
  bytesFromCache: number;
  /** From the cache; without those of swarms. */
  bytesServed: number;
  bytesGivenToSwarms: number;
  bytesTakenFromSwarms: number;
}

/** Adds up what the events tell. */
export class TotalsCounter {
  readonly totals: Totals = {
    bytesFromPeers: 0,
    bytesFromOrigin: 0,
    bytesFromCache: 0,
    bytesServed: 0,
    bytesGivenToSwarms: 0,
    bytesTakenFromSwarms: 0,
  };
  readonly #growth = new ReceivedGrowth();

  /** Takes in one event. */
  observe(event: NodeEvent): void {
    if (event.type === 'serve.finished') this.totals.bytesServed += event.bytes;
    else if (event.type === 'swarm.moved') this.#moved(event);
    else if (event.type === 'transfer.progress') this.#progress(event);
    else if (event.type === 'transfer.completed' || event.type === 'transfer.failed')
      this.#growth.forget(event.transferId, event.file);
  }

  #moved({ givenBytes, takenBytes }: SwarmMoved): void {
    this.totals.bytesGivenToSwarms += givenBytes;
    this.totals.bytesTakenFromSwarms += takenBytes;
  }

  #progress(event: NodeEvent & { type: 'transfer.progress' }): void {
    const { peer, origin, cache } = this.#growth.of(event);
    this.totals.bytesFromPeers += peer;
    this.totals.bytesFromOrigin += origin;
    this.totals.bytesFromCache += cache;
  }
}
