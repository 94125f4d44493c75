/** What was started so far, so that it can be stopped in reverse order. */
export class Starting {
  readonly #closers: (() => unknown)[] = [];
  #stopped: Promise<void> | null = null;

  own<T>(part: T, close: (part: T) => unknown): T {
    this.#closers.push(() => close(part));
    return part;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.reverse()) {
      // One part that fails to stop must not keep the others open.
      await Promise.resolve()
        .then(close)
        .catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}
