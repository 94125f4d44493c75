import type { Stream } from '@libp2p/interface';
import type { Clock } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import { setNewest } from '../../core/set-newest.ts';
import type { Logger } from '../../observe/log.ts';
import { Lane, type LaneEnd } from './lane.ts';

const DEFAULT_MAX_LANES = 128;
/** A member that failed is left alone for this long. */
const REST_MS = 1_000;
/** Members that failed lately are remembered. */
const MAX_FAILED = 256;

/** What the outbox works with. */
export interface OutboxDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens a stream to a member; `proveAnew` when an earlier one broke. */
  readonly open: (nodeId: NodeId, proveAnew: boolean, signal: AbortSignal) => Promise<Stream>;
  /** Some of what was sent may not have arrived. Never called from inside {@link Outbox.send}. */
  readonly lost: (nodeId: NodeId) => void;
}

/** Everything that is sent to members: one stream for each, opened with the first message and kept while it is used. */
export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #maxLanes: number;
  // The one that was sent to last is the last one.
  readonly #lanes = new Map<NodeId, Lane>();
  /** When each failed, in monotonic time. Until a new stream is open, its membership is in doubt: it may have restarted. */
  readonly #failed = new Map<NodeId, number>();
  readonly #untold = new Set<NodeId>();
  #stopped = false;

  /** @param options.maxLanes streams at a time, default 128; the one that was silent longest makes room. */
  constructor(deps: OutboxDeps, options: { readonly maxLanes?: number } = {}) {
    this.#deps = deps;
    this.#maxLanes = options.maxLanes ?? DEFAULT_MAX_LANES;
  }

  /** Sends one frame; never throws. */
  send(to: NodeId, frame: Uint8Array): void {
    if (this.#stopped) return;
    const lane = this.#lanes.get(to) ?? this.#newLane(to);
    if (lane === null) {
      this.tellLost(to);
    } else {
      this.#lanes.delete(to);
      this.#lanes.set(to, lane);
      lane.send(frame);
    }
  }

  /** Tells soon that something did not arrive; several such things at once are told once. */
  tellLost(nodeId: NodeId): void {
    const { clock, lost } = this.#deps;
    if (this.#stopped || this.#untold.has(nodeId)) return;
    this.#untold.add(nodeId);
    clock.after(0, () => {
      if (this.#untold.delete(nodeId)) lost(nodeId);
    });
  }

  /** Drops every stream; nobody is told. */
  stop(): void {
    this.#stopped = true;
    this.#untold.clear();
    for (const lane of this.#lanes.values()) lane.drop();
    this.#lanes.clear();
  }

  #newLane(to: NodeId): Lane | null {
    const { clock, open } = this.#deps;
    const failedMs = this.#failed.get(to);
    if (failedMs !== undefined && clock.monotonicMs() - failedMs < REST_MS) return null;
    this.#makeRoom();
    const opened = async (signal: AbortSignal) => {
      const stream = await open(to, failedMs !== undefined, signal);
      this.#failed.delete(to);
      return stream;
    };
    const lane: Lane = new Lane({ clock }, opened, (end) => this.#ended(to, lane, end));
    return lane;
  }

  #makeRoom(): void {
    const [silent] = this.#lanes;
    if (this.#lanes.size < this.#maxLanes || silent === undefined) return;
    const [nodeId, lane] = silent;
    this.#lanes.delete(nodeId);
    if (!lane.close()) this.tellLost(nodeId);
  }

  #ended(nodeId: NodeId, lane: Lane, end: LaneEnd): void {
    if (this.#lanes.get(nodeId) === lane) this.#lanes.delete(nodeId);
    if (end === 'quiet') return;
    this.#deps.log.debug({ err: end, nodeId }, 'a stream to a member of a swarm broke');
    this.#noteFailure(nodeId);
    this.tellLost(nodeId);
  }

  #noteFailure(nodeId: NodeId): void {
    setNewest(this.#failed, nodeId, this.#deps.clock.monotonicMs(), MAX_FAILED);
  }
}
