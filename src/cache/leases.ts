import type { RecordId } from '../core/ids.ts';

/** Counts who uses which record, and remembers which of them are removed once nobody does. */
export class Leases {
  readonly #counts = new Map<RecordId, number>();
  readonly #doomed = new Set<RecordId>();

  /** Whether anybody uses the record. */
  has(id: RecordId): boolean {
    return this.#counts.has(id);
  }

  enter(id: RecordId): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }

  /** Marks a used record for removal after its last use. */
  doom(id: RecordId): void {
    this.#doomed.add(id);
  }

  /** Ends one use; true when it was the last one of a record that is to be removed. */
  leave(id: RecordId): boolean {
    const left = (this.#counts.get(id) ?? 1) - 1;
    if (left > 0) {
      this.#counts.set(id, left);
      return false;
    }
    this.#counts.delete(id);
    return this.#doomed.delete(id);
  }
}
