import type { Clock } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';

/** How long and how many. */
export interface DistrustOptions {
  /** Milliseconds a peer stays distrusted. */
  readonly forMs: number;
  /** Peers remembered; the oldest is forgotten first. */
  readonly maxEntries: number;
}

/**
 * Peers that failed authentication lately. While a peer is listed, hints about it are not taken: nobody makes this node
 * repeat a membership exchange that is known to fail. A restart lifts it, since the peer may come with a new certificate.
 */
export class Distrust {
  readonly #clock: Clock;
  readonly #options: DistrustOptions;
  readonly #listed = new Map<NodeId, { readonly instance: number | null; readonly untilMs: number }>();

  constructor(deps: { readonly clock: Clock }, options: DistrustOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  /** Lists the peer; `instance` is the one it ran under, null when unknown. */
  add(nodeId: NodeId, instance: number | null): void {
    const oldest = this.#listed.keys().next().value;
    if (this.#listed.size >= this.#options.maxEntries && oldest !== undefined) this.#listed.delete(oldest);
    this.#listed.set(nodeId, { instance, untilMs: this.#clock.monotonicMs() + this.#options.forMs });
  }

  /** Whether a hint about the peer under this instance is to be ignored. */
  covers(nodeId: NodeId, instance: number | undefined): boolean {
    const entry = this.#listed.get(nodeId);
    if (entry === undefined || entry.untilMs <= this.#clock.monotonicMs()) return false;
    return instance === undefined || instance === entry.instance;
  }

  /** Trusts the peer as any other again. */
  delete(nodeId: NodeId): void {
    this.#listed.delete(nodeId);
  }

  /** Trusts every peer as any other again. */
  clear(): void {
    this.#listed.clear();
  }
}
