/** Something that happens at a simulated time. */
interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Simulated time: happenings in the order of their times, and of their making where times are equal. */
export class EventQueue {
  readonly #heap: Happening[] = [];
  #order = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets something happen at a time, or now when that has passed. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const added = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run };
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent] as Happening, added)) break;
      heap[index] = heap[parent] as Happening;
      index = parent;
    }
    heap[index] = added;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run);
  }

  /** Runs until `isOver` says so, nothing is left, or the time is up. */
  run(untilMs: number, isOver: () => boolean): void {
    while (this.#heap.length > 0 && !isOver()) {
      const next = this.#pop();
      if (next.atMs > untilMs) return;
      this.#nowMs = next.atMs;
      next.run();
    }
  }

  #pop(): Happening {
    const heap = this.#heap;
    const top = heap[0] as Happening;
    const last = heap.pop() as Happening;
    const { length } = heap;
    if (length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++;
      if (isBefore(last, heap[child] as Happening)) break;
      heap[index] = heap[child] as Happening;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
