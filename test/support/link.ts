import { setTimeout as delay } from 'node:timers/promises';

/** What may leave at once after a pause, in milliseconds of the link's time; timers are no more exact than that. */
const BURST_MS = 20;

/** A slow link that everything a server sends has to go through, in the order in which it comes. */
export class Link {
  readonly #bytesPerSecond: number;
  #freeMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when the bytes have left. */
  async carry(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.#freeMs = Math.max(nowMs - BURST_MS, this.#freeMs) + (bytes * 1000) / this.#bytesPerSecond;
    if (this.#freeMs > nowMs) await delay(this.#freeMs - nowMs);
  }
}
