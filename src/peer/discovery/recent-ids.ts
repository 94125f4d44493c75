/** The last ids that were seen, so that a repeated datagram is recognised; holds at most `maxIds`. */
export class RecentIds {
  readonly #maxIds: number;
  readonly #ids = new Set<string>();

  constructor(maxIds: number) {
    this.#maxIds = maxIds;
  }

  /** Takes the id in; false when it was there already. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    const oldest = this.#ids.values().next().value;
    if (this.#ids.size >= this.#maxIds && oldest !== undefined) this.#ids.delete(oldest);
    this.#ids.add(id);
    return true;
  }
}
