/** One id with its neighbours in the queue. */
interface Link {
  readonly id: string;
  before: Link;
  after: Link;
}

/**
 * A queue of ids in which every step takes the same time however long it is: a ring of links with an index beside it.
 * A Map alone would do for small queues, but finding its first key walks over the holes of all deleted ones.
 */
export class IdQueue {
  readonly #links = new Map<string, Link>();
  readonly #ends: Link;

  constructor() {
    const ends = { id: '' } as Link;
    ends.before = ends;
    ends.after = ends;
    this.#ends = ends;
  }

  /** Number of ids in the queue. */
  get size(): number {
    return this.#links.size;
  }

  /** The id whose turn it is, or null. */
  first(): string | null {
    return this.#links.size === 0 ? null : this.#ends.after.id;
  }

  /** Puts an id that is not in the queue behind all others. */
  append(id: string): void {
    this.#insert(id, this.#ends.before, this.#ends);
  }

  /** Puts an id that is not in the queue before all others. */
  prepend(id: string): void {
    this.#insert(id, this.#ends, this.#ends.after);
  }

  /** Takes an id out; false when it is not there. */
  delete(id: string): boolean {
    const link = this.#links.get(id);
    if (link === undefined) return false;
    link.before.after = link.after;
    link.after.before = link.before;
    return this.#links.delete(id);
  }

  #insert(id: string, before: Link, after: Link): void {
    const link: Link = { id, before, after };
    before.after = link;
    after.before = link;
    this.#links.set(id, link);
  }
}
