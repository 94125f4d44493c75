import type { EventQueue } from './event-queue.ts';

/** One ranged request to the origin, as the simulation runs it. */
export interface OriginFlow {
  position: number;
  readonly end: number;
  /** Bytes per millisecond that the one who asks can take at most. */
  readonly maxRate: number;
  /** Called at each multiple of the piece size and at the end. */
  readonly onPiece: (flow: OriginFlow) => void;
  rate: number;
  open: boolean;
}

/** An origin behind one link that all its flows share fairly. Counts what it sends, wanted or not. */
export class SimulatedOrigin {
  readonly #events: EventQueue;
  readonly #pieceSize: number;
  readonly #rate: number;
  readonly #latencyMs: number;
  readonly #flows = new Set<OriginFlow>();
  #atMs = 0;
  #plan = 0;
  sentBytes = 0;
  requests = 0;

  constructor(events: EventQueue, options: { pieceSize: number; bytesPerMs: number; latencyMs: number }) {
    this.#events = events;
    this.#pieceSize = options.pieceSize;
    this.#rate = options.bytesPerMs;
    this.#latencyMs = options.latencyMs;
  }

  /** Begins a request; its first byte comes a round trip later. */
  request(start: number, end: number, maxRate: number, onPiece: (flow: OriginFlow) => void): OriginFlow {
    const flow: OriginFlow = { position: start, end, maxRate, onPiece, rate: 0, open: true };
    this.requests++;
    this.#events.after(2 * this.#latencyMs, () => {
      if (!flow.open) return;
      this.#advance();
      this.#flows.add(flow);
      this.#replan();
    });
    return flow;
  }

  /** Where a flow is now. */
  positionOf(flow: OriginFlow): number {
    return flow.position + (this.#flows.has(flow) ? flow.rate * (this.#events.nowMs - this.#atMs) : 0);
  }

  /** Breaks a request off; what is on its way meanwhile is sent in vain. */
  abort(flow: OriginFlow): void {
    if (!flow.open) return;
    flow.open = false;
    this.#advance();
    if (this.#flows.delete(flow)) {
      this.sentBytes += Math.min(flow.end - flow.position, flow.rate * 2 * this.#latencyMs);
    }
    this.#replan();
  }

  #advance(): void {
    const spanMs = this.#events.nowMs - this.#atMs;
    this.#atMs = this.#events.nowMs;
    for (const flow of this.#flows) {
      const bytes = Math.min(flow.end - flow.position, flow.rate * spanMs);
      flow.position += bytes;
      this.sentBytes += bytes;
    }
  }

  // Max-min fairness: who takes less than an equal share leaves the rest to the others.
  #share(): void {
    let left = this.#rate;
    const flows = [...this.#flows].sort((a, b) => a.maxRate - b.maxRate);
    for (const [index, flow] of flows.entries()) {
      flow.rate = Math.min(flow.maxRate, left / (flows.length - index));
      left -= flow.rate;
    }
  }

  #replan(): void {
    this.#share();
    const plan = ++this.#plan;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const flow of this.#flows) nextMs = Math.min(nextMs, (this.#boundary(flow) - flow.position) / flow.rate);
    if (Number.isFinite(nextMs)) this.#events.after(nextMs, () => plan === this.#plan && this.#arrive());
  }

  #boundary(flow: OriginFlow): number {
    return Math.min(flow.end, (Math.floor(flow.position / this.#pieceSize) + 1) * this.#pieceSize);
  }

  #arrive(): void {
    const before = new Map([...this.#flows].map((flow) => [flow, this.#boundary(flow)]));
    this.#advance();
    for (const [flow, boundary] of before) {
      // Sums of fractions: within a byte counts as there.
      if (flow.position < boundary - 1) continue;
      flow.position = boundary;
      if (flow.position === flow.end) {
        this.#flows.delete(flow);
        flow.open = false;
      }
    }
    const arrived = [...before].filter(([flow, boundary]) => flow.position === boundary).map(([flow]) => flow);
    this.#replan();
    for (const flow of arrived) flow.onPiece(flow);
  }
}
