import { hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type Clock, systemClock, type Timer } from '../../core/clock.ts';
import { type Hashing, HashThread } from './hash-thread.ts';

/** From this rate on, in bytes for each ms, hashing takes a tenth of the main thread and more: 128 MB/s. */
const FAST = 128_000;
/** The rate is taken over at least so long, in ms. */
const WINDOW_MS = 100;
/** A thread without work costs some 20 MiB for nothing: after this time, in ms, it ends. */
const IDLE_MS = 5000;
/** Bytes that may wait for the thread before senders are told to pause. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** What a hasher works with. */
export interface PieceHasherDeps {
  readonly clock: Clock;
  /** Starts a thread; null where that is of no use or not possible. */
  readonly startThread: (() => Hashing) | null;
}

/**
 * Hashes what comes in. As long as little comes, where it is; when much comes, in a thread of its own, so that the main
 * one can take in the next bytes: of its time at full speed hashing is 38 %. The thread reads the very memory the bytes
 * came into. Whoever lends bytes must leave them as they are until they are hashed.
 */
export class PieceHasher {
  readonly #clock: Clock;
  #startThread: PieceHasherDeps['startThread'];
  #thread: Hashing | null = null;
  #sinceMs: number;
  #bytes = 0;
  #waitingBytes = 0;
  #room: PromiseWithResolvers<void> | null = null;
  #idle: Timer | null = null;

  constructor({ clock, startThread }: PieceHasherDeps) {
    this.#clock = clock;
    this.#startThread = startThread;
    this.#sinceMs = clock.monotonicMs();
  }

  /** SHA-256 of `bytes`; at once unless the thread is asked. Only shared memory goes to the thread. */
  sha256(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
    this.#count(bytes.byteLength);
    const isShared = bytes.buffer instanceof SharedArrayBuffer;
    return isShared && this.#thread !== null ? this.#ask(this.#thread, bytes) : sha256(bytes);
  }

  /** Undefined while the thread keeps up, else a promise to wait for before more is given to it. */
  room(): Promise<void> | undefined {
    if (this.#waitingBytes < MAX_WAITING_BYTES) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    const nowMs = this.#clock.monotonicMs();
    const ms = nowMs - this.#sinceMs;
    if (ms < WINDOW_MS) return;
    if (this.#bytes >= FAST * ms) this.#start();
    this.#bytes = 0;
    this.#sinceMs = nowMs;
  }

  #start(): void {
    if (this.#startThread === null) return;
    this.#idle?.cancel();
    this.#idle = this.#clock.after(IDLE_MS, () => this.#stop());
    try {
      this.#thread ??= this.#startThread();
    } catch {
      // A process that may not start threads hashes where it is.
      this.#startThread = null;
    }
  }

  #stop(): void {
    this.#thread?.stop();
    this.#thread = null;
  }

  async #ask(thread: Hashing, bytes: Uint8Array): Promise<Uint8Array> {
    this.#waitingBytes += bytes.byteLength;
    try {
      return await thread.sha256(bytes);
    } catch {
      // A thread that ends by itself takes nothing with it, and no other one would do better.
      if (this.#thread === thread) this.#thread = this.#startThread = null;
      return sha256(bytes);
    } finally {
      this.#waitingBytes -= bytes.byteLength;
      if (this.#waitingBytes <= MAX_WAITING_BYTES / 2) this.#makeRoom();
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = null;
  }
}

/** The hasher of this process. One processor alone gains nothing by a thread. */
export const sharedHasher: PieceHasher = new PieceHasher({
  clock: systemClock,
  startThread: availableParallelism() > 1 ? () => new HashThread() : null,
});

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
