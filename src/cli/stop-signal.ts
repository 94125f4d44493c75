import { EXIT } from './exit.ts';
import type { CliIo } from './io.ts';

/** Aborts at the first Ctrl+C (or another signal to stop); at the second the process ends at once. */
export class StopSignal implements Disposable {
  readonly #abort = new AbortController();
  readonly #end: () => void;

  constructor(io: CliIo) {
    this.#end = io.onStopSignal(() => {
      if (this.#abort.signal.aborted) io.exitNow(EXIT.cancelled);
      this.#abort.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Signals end the process again. */
  [Symbol.dispose](): void {
    this.#end();
  }
}
