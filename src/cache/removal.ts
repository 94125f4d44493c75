import type { RecordId } from '../core/ids.ts';
import type { CacheParts } from './parts.ts';

/** A record that goes, and why, in a word or a short sentence. */
export interface Farewell {
  readonly id: RecordId;
  readonly reason: string;
}

/** How many records went, and how many of them stay on disk until their last use ends. */
export interface RemoveResult {
  readonly removed: number;
  readonly busy: number;
}

/**
 * Takes records away, in this order: out of memory (nobody finds them any more), out of the
 * index, then their files - at once, or for a record in use after its last lease.
 * A crash in between leaves a file without a record, which the next start removes.
 */
export class Removal {
  readonly #parts: CacheParts;
  // Bytes of records that are gone but whose files are still in use.
  readonly #lingering = new Map<RecordId, number>();

  constructor(parts: CacheParts) {
    this.#parts = parts;
  }

  /** Bytes that removed records still take on the disk because they are being read. */
  get lingeringBytes(): number {
    return [...this.#lingering.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Removes records; those that are gone already are passed over. The files follow, see ContentFiles.settle. */
  async remove(records: readonly Farewell[]): Promise<RemoveResult> {
    const gone = records.filter(({ id }) => this.#parts.catalog.get(id) !== undefined);
    const unused = new Map<RecordId, number>();
    for (const { id } of gone) {
      const bytes = this.#parts.catalog.get(id)?.bytes ?? 0;
      this.#parts.catalog.delete(id);
      if (this.#parts.leases.has(id)) this.#doom(id, bytes);
      else unused.set(id, bytes);
    }
    await this.#parts.index.delete(gone.map(({ id }) => id));
    for (const [id, bytes] of unused) this.#parts.files.removeLater(id, bytes);
    for (const { id, reason } of gone) this.#parts.emit({ type: 'cache.removed', recordId: id, reason });
    return { removed: gone.length, busy: gone.length - unused.size };
  }

  /** Removes the file of a doomed record whose last lease ended. */
  finish(id: RecordId): void {
    this.#parts.files.removeLater(id, this.#lingering.get(id) ?? 0);
    this.#lingering.delete(id);
  }

  #doom(id: RecordId, bytes: number): void {
    this.#parts.leases.doom(id);
    this.#lingering.set(id, bytes);
  }
}
