import type { Clock, Timer } from '../core/clock.ts';

/** Bytes a second for all clients together; no limit is written out, so that no number can mean it by accident. */
export type ServeRate = number | 'unlimited';

/** The part of a second for which one grant lasts; a client with a grant may send it at once. */
const GRANTS_PER_SECOND = 32;

/** How often the bytes that became due are handed out while somebody waits, in ms. */
const REFILL_MS = 20;

/** A wish that is in the line. */
interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * Shares the node's bandwidth among its clients. Bytes become due with time and are granted in turns: each
 * client has at most one wish in the line, so all get the same however many requests they make.
 *
 * The average never exceeds the rate; what nobody used is not saved up beyond two grants (1/16 s). What is due when
 * nobody waits is granted at once, which is most of what a swarm asks for: a general job queue took a twelfth of a node's
 * main thread for that.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #turns = new Map<string, Promise<unknown>>();
  /** First come, first served. */
  readonly #line = new Set<Waiting>();
  #rate: ServeRate;
  #due = 0;
  #refilledMs: number;
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock }, options: { readonly bytesPerSecond: ServeRate }) {
    this.#clock = deps.clock;
    this.#rate = options.bytesPerSecond;
    this.#refilledMs = deps.clock.monotonicMs();
  }

  /** Whether nothing is limited; then {@link take} must not be called, so that bytes pass without any of this. */
  get unlimited(): boolean {
    return this.#rate === 'unlimited';
  }

  /**
   * Waits until `client` may send some bytes.
   * @returns how many: 1 to `wanted`.
   * @throws the signal's reason when it aborts; bytes that become due later go to somebody else.
   */
  async take(client: string, wanted: number, signal: AbortSignal): Promise<number> {
    return await this.#afterOwn(client, () => this.#grant(wanted, signal));
  }

  /** Takes `bytes` at once and returns true when they are due and nobody waits for them; else takes nothing. */
  tryTake(bytes: number): boolean {
    if (this.#rate === 'unlimited') return true;
    this.#refill(this.#rate);
    if (this.#line.size > 0 || this.#due < bytes) return false;
    this.#due -= bytes;
    return true;
  }

  /** Takes a new rate at once; who waits under the old one is let go with its last grant. */
  update(bytesPerSecond: ServeRate): void {
    if (bytesPerSecond === this.#rate) return;
    this.#rate = bytesPerSecond;
    this.#due = 0;
    this.#refilledMs = this.#clock.monotonicMs();
    for (const { grant } of this.#line) grant();
    this.#line.clear();
  }

  // Requests of one client take turns among themselves before they join the line of the clients.
  #afterOwn<T>(client: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(client);
    const turn = before === undefined ? work() : before.then(work, work);
    this.#turns.set(client, turn);
    const end = () => {
      if (this.#turns.get(client) === turn) this.#turns.delete(client);
    };
    turn.then(end, end);
    return turn;
  }

  async #grant(wanted: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#rate === 'unlimited') return wanted;
    const bytes = Math.min(wanted, grantBytes(this.#rate));
    if (!this.tryTake(bytes)) await this.#wait(bytes, signal);
    return bytes;
  }

  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { bytes, grant: resolve };
    const gaveUp = () => {
      this.#line.delete(waiting);
      reject(signal.reason);
    };
    signal.addEventListener('abort', gaveUp, { once: true });
    this.#line.add(waiting);
    this.#arm();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', gaveUp);
    }
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(REFILL_MS, () => {
      this.#timer = null;
      if (this.#rate !== 'unlimited') this.#handOut(this.#rate);
      if (this.#line.size > 0) this.#arm();
    });
  }

  #handOut(rate: number): void {
    this.#refill(rate);
    for (const waiting of this.#line) {
      if (this.#due < waiting.bytes) return;
      this.#due -= waiting.bytes;
      this.#line.delete(waiting);
      waiting.grant();
    }
  }

  #refill(rate: number): void {
    const nowMs = this.#clock.monotonicMs();
    // While clients wait, a late timer must not cost them their bytes; a quarter of a second is as late as it gets.
    const most = Math.ceil(this.#line.size > 0 ? rate / 4 : 2 * grantBytes(rate));
    const due = Math.floor((rate * (nowMs - this.#refilledMs)) / 1000);
    if (due === 0) return;
    this.#refilledMs = nowMs;
    this.#due = Math.max(this.#due, Math.min(most, this.#due + due));
  }
}

function grantBytes(rate: number): number {
  return Math.max(1, Math.floor(rate / GRANTS_PER_SECOND));
}
