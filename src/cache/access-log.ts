import type { Timer } from '../core/clock.ts';
import type { RecordId } from '../core/ids.ts';
import type { CacheParts } from './parts.ts';

/** Access times reach the index at most once in this time; a crash loses at most as much of them, which only blurs the order of eviction. */
const ACCESS_WRITE_INTERVAL_MS = 60_000;

/** Notes when records were used: at once in memory, gathered and later in the index. */
export class AccessLog {
  readonly #parts: CacheParts;
  #unsaved = new Map<RecordId, number>();
  #timer: Timer | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: CacheParts) {
    this.#parts = parts;
  }

  /** The record is used now. */
  touch(id: RecordId): void {
    const nowMs = this.#parts.clock.wallMs();
    this.#parts.catalog.touch(id, nowMs);
    this.#save(id, nowMs);
  }

  /** Takes back times that lie in the future because the clock was set back. */
  settle(): void {
    const nowMs = this.#parts.clock.wallMs();
    for (const id of this.#parts.catalog.settle(nowMs)) this.#save(id, nowMs);
  }

  /** Writes what is not written yet, and waits for it. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#write();
    await this.#saving;
  }

  #save(id: RecordId, timeMs: number): void {
    this.#unsaved.set(id, timeMs);
    this.#timer ??= this.#parts.clock.after(ACCESS_WRITE_INTERVAL_MS, () => this.#write());
  }

  #write(): void {
    this.#timer = null;
    const times = this.#unsaved;
    this.#unsaved = new Map();
    const isThere = (id: RecordId): boolean => this.#parts.catalog.get(id) !== undefined;
    this.#saving = this.#parts.index.saveAccess(times, isThere).catch((error) => {
      this.#parts.log.warn({ error: String(error) }, 'the times of the last access could not be stored');
    });
  }
}
