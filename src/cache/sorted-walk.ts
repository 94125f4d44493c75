/** Walks over entries sorted by key, in step with another walk over the same keys; holds one entry at a time. */
export class SortedWalk<T> {
  readonly #entries: AsyncIterator<readonly [string, T]>;
  readonly #onSkipped: (key: string) => void;
  #head: readonly [string, T] | null | undefined;

  /** `onSkipped` gets the keys that nobody asked for. */
  constructor(entries: AsyncIterable<readonly [string, T]>, onSkipped: (key: string) => void) {
    this.#entries = entries[Symbol.asyncIterator]();
    this.#onSkipped = onSkipped;
  }

  /** The value of a key, undefined when there is none. Keys are asked for in their order. */
  async valueOf(key: string): Promise<T | undefined> {
    let head = this.#head === undefined ? await this.#next() : this.#head;
    while (head !== null && head[0] < key) {
      this.#onSkipped(head[0]);
      head = await this.#next();
    }
    if (head === null || head[0] !== key) return undefined;
    this.#head = undefined;
    return head[1];
  }

  /** Walks to the end; everything left was not asked for. */
  async finish(): Promise<void> {
    let head = this.#head === undefined ? await this.#next() : this.#head;
    for (; head !== null; head = await this.#next()) this.#onSkipped(head[0]);
  }

  async #next(): Promise<readonly [string, T] | null> {
    const { done, value } = await this.#entries.next();
    this.#head = done === true ? null : value;
    return this.#head;
  }
}
