import Bottleneck from 'bottleneck';
import type { Clock, Timer } from '../core/clock.ts';

/** Bytes a second for all clients together; no limit is written out, so that no number can mean it by accident. */
export type ServeRate = number | 'unlimited';

/** The part of a second for which one grant lasts; a client with a grant may send it at once. */
const GRANTS_PER_SECOND = 32;

/** How often the bytes that became due are handed out while somebody waits, in ms. */
const REFILL_MS = 20;

/**
 * Shares the node's bandwidth among its clients. Bytes become due with time and are granted in turns: each
 * client has at most one wish in the line, so all get the same however many requests they make.
 *
 * The average never exceeds the rate; what nobody used is not saved up beyond two grants (1/16 s). Bottleneck
 * keeps the line and the reservoir. Its own refresh timer is not used: it loses what falls between two
 * late ticks (83 % of the rate was left when it ran ten times a second); we add exactly what the clock says is due.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #turns = new Map<string, Promise<unknown>>();
  #rate: ServeRate;
  #limiter: Bottleneck;
  #due = 0;
  #refilledMs: number;
  #waiting = 0;
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock }, options: { readonly bytesPerSecond: ServeRate }) {
    this.#clock = deps.clock;
    this.#rate = options.bytesPerSecond;
    this.#refilledMs = deps.clock.monotonicMs();
    this.#limiter = new Bottleneck({ reservoir: 0 });
  }

  /** Whether nothing is limited; then {@link take} must not be called, so that bytes pass without any of this. */
  get unlimited(): boolean {
    return this.#rate === 'unlimited';
  }

  /**
   * Waits until `client` may send some bytes.
   * @returns how many: 1 to `wanted`.
   * @throws the signal's reason when it aborts; bytes granted meanwhile go to somebody else.
   */
  async take(client: string, wanted: number, signal: AbortSignal): Promise<number> {
    const turn = this.#afterOwn(client, () => this.#grant(wanted, signal));
    return await turn;
  }

  /** Takes `bytes` at once and returns true when they are due and nobody waits for them; else takes nothing. */
  tryTake(bytes: number): boolean {
    if (this.#rate === 'unlimited') return true;
    this.#refill();
    if (this.#waiting > 0 || this.#due < bytes) return false;
    this.#due -= bytes;
    void this.#limiter.incrementReservoir(-bytes);
    return true;
  }

  /** Takes a new rate at once; who waits under the old one is let go with its last grant. */
  update(bytesPerSecond: ServeRate): void {
    if (bytesPerSecond === this.#rate) return;
    const old = this.#limiter;
    this.#rate = bytesPerSecond;
    this.#limiter = new Bottleneck({ reservoir: 0 });
    this.#due = 0;
    this.#refilledMs = this.#clock.monotonicMs();
    void old.updateSettings({ reservoir: null });
  }

  // Requests of one client take turns among themselves before they join the line of the clients.
  #afterOwn<T>(client: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(client) ?? Promise.resolve();
    const turn = before.then(work, work);
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
    const bytes = Math.min(wanted, this.#grantBytes(this.#rate));
    const limiter = this.#limiter;
    this.#refill();
    this.#waiting++;
    this.#arm();
    try {
      await abortable(
        limiter.schedule({ weight: bytes }, async () => this.#spend(limiter, bytes, signal)),
        signal,
      );
    } finally {
      this.#waiting--;
    }
    return bytes;
  }

  #spend(limiter: Bottleneck, bytes: number, signal: AbortSignal): void {
    if (limiter !== this.#limiter) return;
    if (signal.aborted) void limiter.incrementReservoir(bytes);
    else this.#due -= bytes;
  }

  #refill(): void {
    if (this.#rate === 'unlimited') return;
    const nowMs = this.#clock.monotonicMs();
    // While clients wait, a late timer must not cost them their bytes; a quarter of a second is as late as it gets.
    const most = this.#waiting > 0 ? this.#rate / 4 : 2 * this.#grantBytes(this.#rate);
    const due = Math.floor((this.#rate * (nowMs - this.#refilledMs)) / 1000);
    const added = Math.min(due, Math.ceil(most) - this.#due);
    if (due === 0) return;
    this.#refilledMs = nowMs;
    if (added <= 0) return;
    this.#due += added;
    void this.#limiter.incrementReservoir(added);
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(REFILL_MS, () => {
      this.#timer = null;
      this.#refill();
      if (this.#waiting > 0) this.#arm();
    });
  }

  #grantBytes(rate: number): number {
    return Math.max(1, Math.floor(rate / GRANTS_PER_SECOND));
  }
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const aborted = () => reject(signal.reason);
  signal.addEventListener('abort', aborted, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  return promise;
}
