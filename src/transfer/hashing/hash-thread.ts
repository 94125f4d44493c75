import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Enough for a thread that keeps nothing; more is an error of ours and ends the thread, not the process. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 } as const;

/** Hashes elsewhere; see {@link HashThread}. */
export interface Hashing {
  /** SHA-256 of bytes in shared memory; rejects when the thread ended. */
  sha256(bytes: Uint8Array): Promise<Uint8Array>;
  /** Ends it; what is under way is rejected. */
  stop(): void;
}

/** A thread of this process that hashes. It keeps the process alive only while somebody waits for it. */
export class HashThread implements Hashing {
  readonly #worker: Worker;
  /** Those who wait, the oldest first: answers come in the order of the questions. */
  readonly #waiting: PromiseWithResolvers<Uint8Array>[] = [];
  #ended: Error | null = null;

  /** @throws Error where the process may not start threads. */
  constructor() {
    // The sources and what is built of them lie alike, but for their extension.
    const file = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(file, { resourceLimits: LIMITS, execArgv: [] });
    this.#worker.on('message', (digest: Uint8Array) => this.#answer(digest));
    this.#worker.once('error', (error) => this.#end(error as Error));
    this.#worker.once('exit', () => this.#end(new Error('the hashing thread ended')));
    this.#worker.unref();
  }

  sha256(bytes: Uint8Array): Promise<Uint8Array> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const asked = Promise.withResolvers<Uint8Array>();
    if (this.#waiting.length === 0) this.#worker.ref();
    this.#waiting.push(asked);
    this.#worker.postMessage(bytes);
    return asked.promise;
  }

  stop(): void {
    void this.#worker.terminate();
  }

  #answer(digest: Uint8Array): void {
    this.#waiting.shift()?.resolve(digest);
    if (this.#waiting.length === 0) this.#worker.unref();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
