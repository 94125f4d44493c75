import Bottleneck from 'bottleneck';
import type { Clock, Timer } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';

/** How many clients are served, and how long the others may wait. */
export interface SlotOptions {
  /** Clients served at the same time, at least 1 (BITS: three). */
  readonly clients: number;
  /** How long a client waits for a slot before it is told to come back, in ms. */
  readonly waitMs: number;
  /** A slot is free again this long after the last request of its client, in ms. */
  readonly idleMs: number;
  /** Clients that may wait at the same time; further ones are sent away at once. */
  readonly maxWaiting: number;
}

/** What a request holds while it is served. */
export interface SlotUse {
  /** Ends the use; the client keeps its slot until it idles out. Idempotent. */
  release(): void;
}

interface Client {
  readonly nodeId: NodeId;
  readonly entered: PromiseWithResolvers<void>;
  readonly left: PromiseWithResolvers<void>;
  holdsSlot: boolean;
  /** Whether it keeps its slot for a while after its last request. */
  keepsSlot: boolean;
  /** Requests that wait or are served. */
  uses: number;
  idle: Timer | null;
}

/**
 * The slots for clients. A client is a peer, not a request: all requests of one peer share its slot.
 * A peer that gave up waiting keeps its place in the line, so that coming back is worth it.
 */
export class ClientSlots {
  readonly #clock: Clock;
  readonly #limiter: Bottleneck;
  readonly #clients = new Map<NodeId, Client>();
  #options: SlotOptions;

  constructor(deps: { readonly clock: Clock }, options: SlotOptions) {
    this.#clock = deps.clock;
    this.#options = options;
    this.#limiter = new Bottleneck(limits(options));
  }

  /** Clients that hold a slot or wait for one. */
  get taken(): number {
    return this.#clients.size;
  }

  /** Slots that nobody holds or waits for. */
  get free(): number {
    return Math.max(0, this.#options.clients - this.#clients.size);
  }

  /**
   * Waits for the client's slot.
   * @throws NearbitsError E_BUSY with `details.retryAfterMs` when none became free in time; the signal's reason when it aborts.
   */
  async acquire(nodeId: NodeId, signal: AbortSignal): Promise<SlotUse> {
    signal.throwIfAborted();
    const client = this.#clients.get(nodeId) ?? this.#queue(nodeId);
    client.keepsSlot = true;
    const use = this.#use(client);
    try {
      if (!client.holdsSlot) await this.#wait(client, signal);
    } catch (error) {
      use.release();
      throw error;
    }
    return use;
  }

  /**
   * A slot for one short answer, or null when the client has none and none is free now. A slot that was taken only
   * for this is free again with its release: no further request is expected, as it is after a piece of a large file.
   */
  tryAcquire(nodeId: NodeId): SlotUse | null {
    const known = this.#clients.get(nodeId);
    if (known === undefined ? this.free === 0 : !this.#hasPlace(known)) return null;
    return this.#use(known ?? this.#queue(nodeId));
  }

  /** Takes new limits; clients that hold a slot keep it. */
  update(options: SlotOptions): void {
    this.#options = options;
    void this.#limiter.updateSettings(limits(options));
  }

  /** Lets every client go; for the end of the server. */
  close(): void {
    for (const client of this.#clients.values()) {
      client.idle?.cancel();
      client.entered.reject(this.#busy());
      client.left.resolve();
    }
  }

  #queue(nodeId: NodeId): Client {
    const client: Client = {
      nodeId,
      entered: Promise.withResolvers(),
      left: Promise.withResolvers(),
      holdsSlot: false,
      keepsSlot: false,
      uses: 0,
      idle: null,
    };
    // Whoever waits hears of it; when nobody waits any more, nobody needs to.
    client.entered.promise.catch(() => {});
    this.#clients.set(nodeId, client);
    this.#limiter
      .schedule(() => this.#hold(client))
      .catch(() => client.entered.reject(this.#busy()))
      .finally(() => this.#forget(client));
    return client;
  }

  // Runs as long as the client holds its slot.
  async #hold(client: Client): Promise<void> {
    if (client.uses === 0) return this.#forget(client);
    client.holdsSlot = true;
    client.entered.resolve();
    await client.left.promise;
  }

  async #wait(client: Client, signal: AbortSignal): Promise<void> {
    const gaveUp = Promise.withResolvers<never>();
    // A free slot is the client's in a moment, even where nobody may wait for one that is taken.
    const timer = this.#hasPlace(client)
      ? null
      : this.#clock.after(this.#options.waitMs, () => gaveUp.reject(this.#busy()));
    const aborted = () => gaveUp.reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      await Promise.race([client.entered.promise, gaveUp.promise]);
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', aborted);
    }
  }

  // Whoever holds or waits for a slot stands here in the order in which slots are given.
  #hasPlace(client: Client): boolean {
    return [...this.#clients.keys()].indexOf(client.nodeId) < this.#options.clients;
  }

  #use(client: Client): SlotUse {
    client.uses++;
    client.idle?.cancel();
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        client.uses--;
        if (client.uses > 0) return;
        if (!client.keepsSlot) this.#leave(client);
        else if (client.holdsSlot) this.#idle(client);
      },
    };
  }

  #idle(client: Client): void {
    client.idle = this.#clock.after(this.#options.idleMs, () => this.#leave(client));
  }

  #leave(client: Client): void {
    this.#forget(client);
    client.left.resolve();
  }

  // The limiter takes a moment to see that a client left; a request that comes meanwhile must start a new one.
  #forget(client: Client): void {
    if (this.#clients.get(client.nodeId) === client) this.#clients.delete(client.nodeId);
  }

  #busy(): NearbitsError {
    return new NearbitsError('E_BUSY', 'all slots are taken', { details: { retryAfterMs: this.#options.idleMs } });
  }
}

// OVERFLOW refuses the newcomer when the line is full; Bottleneck's other strategies drop somebody who waits already.
function limits(options: SlotOptions): Bottleneck.ConstructorOptions {
  return {
    maxConcurrent: options.clients,
    highWater: options.maxWaiting,
    strategy: Bottleneck.strategy.OVERFLOW,
  };
}
