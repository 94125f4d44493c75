import type { Clock } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';

/** Members kept, as in the certificate table of Windows (BPAU behaviour note 3). */
const DEFAULT_MAX_MEMBERS = 100;
/** A member younger than this is not pushed out: a flood of newcomers must not turn the table over (BPAU). */
const MIN_STAY_MS = 60_000;

interface Row {
  readonly notAfterMs: number;
  readonly insertedMs: number;
}

/**
 * The peers that have proven their membership to this process: a bounded table of PeerIds. It is not persisted: after a
 * restart each peer proves itself again, which costs one small exchange.
 */
export class MemberTable {
  readonly #clock: Clock;
  readonly #maxMembers: number;
  // In the order of insertion: the first one is the oldest.
  readonly #rows = new Map<NodeId, Row>();

  constructor(deps: { readonly clock: Clock }, options: { readonly maxMembers?: number } = {}) {
    this.#clock = deps.clock;
    this.#maxMembers = options.maxMembers ?? DEFAULT_MAX_MEMBERS;
  }

  /** Until when the peer's proof holds (wall clock, ms), or null when it has shown none or it has run out. */
  authenticatedUntilMs(nodeId: NodeId): number | null {
    const row = this.#rows.get(nodeId);
    if (row === undefined) return null;
    if (row.notAfterMs > this.#clock.wallMs()) return row.notAfterMs;
    this.#rows.delete(nodeId);
    return null;
  }

  /** Takes a peer whose chain was just verified; false when the table is full of peers that came within a minute. */
  add(nodeId: NodeId, notAfterMs: number): boolean {
    this.#rows.delete(nodeId);
    if (this.#rows.size >= this.#maxMembers && !this.#makeRoom()) return false;
    this.#rows.set(nodeId, { notAfterMs, insertedMs: this.#clock.monotonicMs() });
    return true;
  }

  /** Forgets a peer. */
  delete(nodeId: NodeId): void {
    this.#rows.delete(nodeId);
  }

  get size(): number {
    return this.#rows.size;
  }

  #makeRoom(): boolean {
    const [oldest] = this.#rows;
    if (oldest === undefined || this.#clock.monotonicMs() - oldest[1].insertedMs < MIN_STAY_MS) return false;
    return this.#rows.delete(oldest[0]);
  }
}
