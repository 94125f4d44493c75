import type { Clock } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';

/** How much one peer may ask. */
export interface RequestCapOptions {
  /** Requests of one peer at the same time. */
  readonly maxParallel: number;
  /** Requests of one peer in a minute, on average. */
  readonly perMinute: number;
  /** Requests of one peer that may come at once after a pause. */
  readonly burst: number;
}

/** Peers are forgotten in batches once this many are known, so that looking costs little. */
const PRUNE_ABOVE = 256;

interface Asker {
  parallel: number;
  /** When the average rate would allow the next request if there were no burst (GCRA), monotonic ms. */
  dueMs: number;
}

/**
 * Caps the requests of each peer with two numbers a peer (the generic cell rate algorithm of ATM). Only
 * proven members are counted here, and those that were silent for a while are forgotten.
 */
export class RequestCaps {
  readonly #clock: Clock;
  readonly #options: RequestCapOptions;
  readonly #askers = new Map<NodeId, Asker>();

  constructor(deps: { readonly clock: Clock }, options: RequestCapOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  /** Counts a request in and returns null, or returns after how many ms it may come again. {@link leave} must follow a null. */
  enter(nodeId: NodeId): number | null {
    const nowMs = this.#clock.monotonicMs();
    const asker = this.#askers.get(nodeId) ?? this.#meet(nodeId, nowMs);
    const gapMs = 60_000 / this.#options.perMinute;
    const earlyMs = asker.dueMs - nowMs - gapMs * (this.#options.burst - 1);
    if (earlyMs > 0) return earlyMs;
    if (asker.parallel >= this.#options.maxParallel) return gapMs;
    asker.parallel++;
    asker.dueMs = Math.max(asker.dueMs, nowMs) + gapMs;
    return null;
  }

  /** Ends a request that {@link enter} let in. */
  leave(nodeId: NodeId): void {
    const asker = this.#askers.get(nodeId);
    if (asker !== undefined) asker.parallel--;
  }

  #meet(nodeId: NodeId, nowMs: number): Asker {
    if (this.#askers.size >= PRUNE_ABOVE) this.#prune(nowMs);
    const asker = { parallel: 0, dueMs: nowMs };
    this.#askers.set(nodeId, asker);
    return asker;
  }

  #prune(nowMs: number): void {
    for (const [nodeId, asker] of this.#askers) {
      if (asker.parallel === 0 && asker.dueMs <= nowMs) this.#askers.delete(nodeId);
    }
  }
}
