import { NearbitsError } from '../core/errors.ts';
import { printBytes } from '../core/units.ts';
import type { AccessLog } from './access-log.ts';
import { type CacheLimits, chooseEviction, type Eviction, type Excess, excessFor } from './limits.ts';
import type { CacheParts } from './parts.ts';
import type { Removal } from './removal.ts';
import type { Reservation } from './reservation.ts';

/** Keeps the cache within its limits: decides with limits.ts, acts with removal.ts. */
export class Room {
  limits: CacheLimits;
  readonly #parts: CacheParts;
  readonly #removal: Removal;
  readonly #access: AccessLog;

  constructor(
    deps: { readonly parts: CacheParts; readonly removal: Removal; readonly access: AccessLog },
    limits: CacheLimits,
  ) {
    this.#parts = deps.parts;
    this.#removal = deps.removal;
    this.#access = deps.access;
    this.limits = limits;
  }

  /** Whether records take more than allowed; so after a record in use outlived a smaller limit. */
  get isOver(): boolean {
    return this.#usedBytes() + this.#parts.reservations.bytes > this.limits.maxBytes;
  }

  /**
   * Promises room for a record of `bytes` bytes, after evicting what has to go for it.
   * @throws NearbitsError E_CACHE_FULL when it cannot be made; then only stale records went.
   */
  async reserve(bytes: number): Promise<Reservation> {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new NearbitsError('E_INVALID_ARGUMENT', `${bytes} is not a number of bytes`);
    }
    if (bytes > this.limits.maxBytes) throw this.#full(bytes, 'is larger than the whole cache');
    const free = await this.#parts.files.freeBytes();
    // Nothing waits between this choice and the promise, so two callers cannot be promised the same room.
    const eviction = this.#choose(this.#excess({ bytes, records: 1 }, free));
    if (!eviction.suffices) {
      await this.#removal.remove(eviction.stale);
      throw this.#full(bytes, 'finds no room: what is left is in use, promised, or kept free on the disk');
    }
    const reservation = this.#parts.reservations.take(bytes);
    try {
      await this.#removal.remove([...eviction.stale, ...eviction.forRoom]);
      return reservation;
    } catch (error) {
      await reservation[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Removes what is invalid or expired, and what is too much for the limits or the disk; records in use stay for now. */
  async sweep(): Promise<void> {
    this.#access.settle();
    const free = await this.#parts.files.freeBytes();
    const eviction = this.#choose(this.#excess({ bytes: 0, records: 0 }, free), true);
    await this.#removal.remove([...eviction.stale, ...eviction.forRoom]);
  }

  #usedBytes(): number {
    return this.#parts.catalog.bytes + this.#removal.lingeringBytes;
  }

  #excess(wanted: Excess, freeDiskBytes: number): Excess {
    const { catalog, reservations } = this.#parts;
    const fill = {
      bytes: this.#usedBytes(),
      records: catalog.size,
      reservedBytes: reservations.bytes,
      reservedRecords: reservations.count,
      freeDiskBytes,
    };
    return excessFor(wanted, fill, this.limits);
  }

  #choose(excess: Excess, always = false): Eviction {
    // Walking over all records is for those who need room, and for the sweep.
    if (!always && excess.bytes === 0 && excess.records === 0) return { stale: [], forRoom: [], suffices: true };
    const { catalog, clock, leases } = this.#parts;
    return chooseEviction(catalog.leastRecentlyUsedFirst(), excess, {
      nowMs: clock.wallMs(),
      maxAgeMs: this.limits.maxAgeMs,
      inUse: (id) => leases.has(id),
    });
  }

  #full(bytes: number, problem: string): NearbitsError {
    return new NearbitsError('E_CACHE_FULL', `content of ${printBytes(bytes)} ${problem}`, {
      details: { bytes, maxBytes: this.limits.maxBytes, minFreeBytes: this.limits.minFreeBytes },
      hint: 'Raise the size limit of the cache, or free some space on its disk.',
    });
  }
}
