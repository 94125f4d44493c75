interface OwnerQueue<T> {
  active: number;
  readonly waiting: Set<T>;
}

/**
 * Runs work for owners, at most some at a time for each: an owner whose work hangs waits for it alone. Nothing is limited
 * between owners.
 */
export class OwnerSlots<T> {
  readonly #run: (item: T) => Promise<void>;
  readonly #perOwner: number;
  readonly #owners = new Map<string, OwnerQueue<T>>();

  /** `run` must not reject. */
  constructor(deps: { readonly run: (item: T) => Promise<void> }, options: { readonly perOwner: number }) {
    this.#run = deps.run;
    this.#perOwner = options.perOwner;
  }

  /** Runs the item as soon as its owner has a free slot; nothing happens when it waits already. */
  add(owner: string, item: T): void {
    let queue = this.#owners.get(owner);
    if (queue === undefined) {
      queue = { active: 0, waiting: new Set() };
      this.#owners.set(owner, queue);
    }
    queue.waiting.add(item);
    this.#fill(owner, queue);
  }

  #fill(owner: string, queue: OwnerQueue<T>): void {
    for (const item of queue.waiting) {
      if (queue.active >= this.#perOwner) return;
      queue.waiting.delete(item);
      queue.active++;
      void this.#run(item).finally(() => this.#free(owner, queue));
    }
  }

  #free(owner: string, queue: OwnerQueue<T>): void {
    queue.active--;
    this.#fill(owner, queue);
    if (queue.active === 0 && this.#owners.get(owner) === queue) this.#owners.delete(owner);
  }
}
