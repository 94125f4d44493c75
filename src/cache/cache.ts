import type { Clock, Timer } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import { identityOf } from '../core/file-identity.ts';
import { newRecordId, type RecordId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { Database } from '../store/database.ts';
import { AccessLog } from './access-log.ts';
import { Catalog } from './catalog.ts';
import { ContentFiles, openContent } from './content-files.ts';
import { type Disk, nodeDisk } from './disk.ts';
import { Leases } from './leases.ts';
import type { CacheLimits } from './limits.ts';
import {
  type CachePage,
  type CacheQuery,
  findRecords,
  getRecord,
  listRecords,
  recordsInside,
  recordsOfUrl,
} from './lookup.ts';
import type { CacheParts } from './parts.ts';
import { PieceLists } from './piece-lists.ts';
import { Proofs, ProvenPieces } from './proofs.ts';
import { CacheReader, damagedRecord } from './reader.ts';
import { type CacheRecord, checkContent, type NewContent, type RecordState, toRecord, toStored } from './record.ts';
import { RecordIndex } from './record-index.ts';
import { clearIncoming, compareFiles, type DamagedRecord, loadIndex } from './recover.ts';
import { Removal, type RemoveResult } from './removal.ts';
import { type Reservation, Reservations } from './reservation.ts';
import { Room } from './room.ts';
import { type VerifyReport, verifyCache } from './verify.ts';

/** Records expire while nobody asks for room, so the limits are applied this often. */
const SWEEP_INTERVAL_MS = 3_600_000;

/** What a cache works with. */
export interface CacheDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** The machine's disk by default. */
  readonly disk?: Disk;
}

export interface CacheOptions {
  /** Directory of the content; nothing else may live in it. */
  readonly dir: string;
  readonly limits: CacheLimits;
}

/** How full the cache is. */
export interface CacheUsage {
  readonly records: number;
  readonly bytes: number;
  /** Bytes promised to content on its way. */
  readonly reservedBytes: number;
  readonly limits: CacheLimits;
}

/** Content that was fetched, kept for this machine and, once it is valid, for its neighbours. */
export class Cache {
  readonly #parts: CacheParts;
  readonly #removal: Removal;
  readonly #access: AccessLog;
  readonly #room: Room;
  readonly #proofs: Proofs;
  readonly #lists = new PieceLists();
  readonly #background = new Set<Promise<void>>();
  #sweepTimer: Timer | null = null;
  #closing: Promise<void> | null = null;

  private constructor(parts: CacheParts, limits: CacheLimits) {
    this.#parts = parts;
    this.#removal = new Removal(parts);
    this.#access = new AccessLog(parts);
    this.#proofs = new Proofs(parts);
    this.#room = new Room({ parts, removal: this.#removal, access: this.#access }, limits);
  }

  /**
   * Opens the cache in `dir`, or makes it, and puts right what a crash or damage left, in this order:
   * 1. remove unfinished copies, 2. read the index, 3. compare every file with it, 4. apply the limits.
   * Each repair is told by an event. Content is compared with its hashes when it is read, and by `verify`.
   * @throws NearbitsError E_IO when the directory cannot be used or belongs to a newer release.
   */
  static async open(deps: CacheDeps, options: CacheOptions): Promise<Cache> {
    const { database, clock, log, emit, disk = nodeDisk } = deps;
    const parts: CacheParts = {
      catalog: new Catalog(),
      index: new RecordIndex(database),
      files: new ContentFiles({ disk, log }, { dir: options.dir }),
      leases: new Leases(),
      reservations: new Reservations(),
      clock,
      log,
      emit,
    };
    const cache = new Cache(parts, options.limits);
    try {
      await parts.files.prepare();
      await clearIncoming(parts);
      await loadIndex(parts);
      await cache.#removeDamaged((await compareFiles(parts)).damaged);
      await cache.sweep();
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
    cache.#sweepLater();
    return cache;
  }

  /** Valid records of the content wanted, newest version first. */
  find(query: CacheQuery): CacheRecord[] {
    return findRecords(this.#parts, query);
  }

  /** Records in the order of their ids, whatever their state; read in pages when there may be many. */
  list(page: CachePage = {}): Promise<CacheRecord[]> {
    return listRecords(this.#parts, page);
  }

  /** The record, or null when there is none. */
  get(id: RecordId): CacheRecord | null {
    return getRecord(this.#parts, id);
  }

  /** The pieces of a record with their hashes, in order. @throws NearbitsError E_NOT_FOUND, E_CACHE_DAMAGED */
  async pieces(id: RecordId): Promise<Piece[]> {
    const stored = this.#parts.catalog.get(id) && this.#parts.index.get(id);
    if (stored === undefined) throw notFound(id);
    const pieces = await this.#parts.index.pieces(id, stored);
    if (pieces === null) throw this.#damaged(id, 'its hashes are lost');
    return pieces;
  }

  /**
   * Promises room for `bytes` bytes; removes stale and then the least recently used records for it.
   * Dispose the reservation when the content was admitted or given up.
   * @throws NearbitsError E_CACHE_FULL when there is no such room even then.
   */
  reserve(bytes: number): Promise<Reservation> {
    return this.#room.reserve(bytes);
  }

  /**
   * Takes a copy of content that was fetched. Once this resolves the record survives a crash.
   * A valid record replaces valid ones of the same version that hold no more than it does.
   * @throws NearbitsError E_INVALID_ARGUMENT when ranges, pieces, size or reservation do not fit each other,
   * E_DISK_FULL, E_IO when the source cannot be read, E_CANCELLED. Nothing is kept then.
   */
  async admit(content: NewContent, reservation: Reservation, signal: AbortSignal): Promise<CacheRecord> {
    const ranges = checkContent(content);
    const claim = this.#parts.reservations.claim(reservation, ranges.size);
    const { catalog, index, files, clock, emit } = this.#parts;
    const id = newRecordId();
    const stored = toStored(content, ranges, clock.wallMs());
    const commit = async (): Promise<void> => {
      await index.add(id, stored, content.pieces);
      claim.used();
      catalog.add(id, stored, stored.createdMs);
    };
    try {
      await files.place(id, { source: content.source, size: content.version.size }, commit, signal);
    } catch (error) {
      claim.unused();
      throw toNearbitsError(error, 'E_IO');
    }
    emit({ type: 'cache.admitted', recordId: id, url: stored.url, bytes: ranges.size });
    const record = toRecord(id, stored, stored.createdMs);
    if (record.state === 'valid') await this.#supersede(record);
    return record;
  }

  /**
   * Notes what the application thinks of the content. Invalid content is found by nobody and goes with the next sweep.
   * @throws NearbitsError E_NOT_FOUND
   */
  async setState(id: RecordId, state: RecordState): Promise<CacheRecord> {
    const { catalog, index } = this.#parts;
    // Nobody may find it from now on; that it may be found waits until that is stored.
    if (state !== 'valid') catalog.setState(id, state);
    const stored = catalog.get(id) === undefined ? null : await index.setState(id, state);
    if (stored === null) throw notFound(id);
    catalog.setState(id, state);
    const record = toRecord(id, stored, catalog.get(id)?.lastAccessMs ?? stored.createdMs);
    if (state === 'valid') await this.#supersede(record);
    return record;
  }

  /**
   * Opens a record for reading, which counts as an access. It is in use until the reader is disposed. Pieces that were
   * found good since their file last changed are not hashed again; see {@link Proofs}.
   * @throws NearbitsError E_NOT_FOUND, E_CACHE_DAMAGED when its file or its hashes are missing; the record is removed then.
   */
  async open(id: RecordId): Promise<CacheReader> {
    const reader = await this.#lease(id, 'remember');
    if (reader === null) throw notFound(id);
    this.#access.touch(id);
    return reader;
  }

  /** Removes one record and its file. @throws NearbitsError E_NOT_FOUND, or E_BUSY while it is in use. */
  async remove(id: RecordId): Promise<void> {
    if (this.#parts.catalog.get(id) === undefined) throw notFound(id);
    if (this.#parts.leases.has(id)) {
      throw new NearbitsError('E_BUSY', `the record ${id} is being read`, {
        details: { recordId: id },
        hint: 'Try again in some seconds.',
      });
    }
    await this.#removeAll([id]);
  }

  /** Removes every record of a URL; those in use are found by nobody any more and go after their last use. */
  async removeUrl(url: string): Promise<RemoveResult> {
    return this.#removeAll(recordsOfUrl(this.#parts, url).map(({ id }) => id));
  }

  /** Removes every record; those in use are found by nobody any more and go after their last use. */
  async clear(): Promise<RemoveResult> {
    return this.#removeAll(this.#parts.catalog.ids());
  }

  /**
   * Reads everything and compares it: files with records, then content with hashes. What is damaged is removed.
   * Records may be added, read and removed meanwhile.
   */
  async verify(signal: AbortSignal): Promise<VerifyReport> {
    const lease = (id: RecordId): Promise<CacheReader | null> => this.#lease(id, 'hash all');
    const removeDamaged = (records: readonly DamagedRecord[]): Promise<void> => this.#removeDamaged(records);
    const report = await verifyCache({ parts: this.#parts, lease, removeDamaged }, signal);
    await this.#settle();
    return report;
  }

  /** Changes the limits and applies them at once. */
  async setLimits(limits: CacheLimits): Promise<void> {
    this.#room.limits = limits;
    await this.sweep();
  }

  /** Removes what is invalid, expired or too much: by age, by size, by the free space of the disk. */
  sweep(): Promise<void> {
    return this.#room.sweep();
  }

  usage(): CacheUsage {
    const { catalog, reservations } = this.#parts;
    return {
      records: catalog.size,
      bytes: catalog.bytes,
      reservedBytes: reservations.bytes,
      limits: this.#room.limits,
    };
  }

  /** Stores what is not stored yet and waits for files that are being removed. Readers should be disposed before. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#sweepTimer?.cancel();
    await this.#settle();
    await this.#access.close();
  }

  async #lease(id: RecordId, proofs: 'remember' | 'hash all'): Promise<CacheReader | null> {
    const record = this.get(id);
    if (record === null) return null;
    // Entered before anything waits, so that the file cannot go while it is being opened.
    this.#parts.leases.enter(id);
    try {
      const known = proofs === 'remember' ? this.#lists.get(id) : undefined;
      const pieces = known ?? (await this.pieces(id));
      this.#lists.keep(id, pieces);
      const file = await openContent(this.#parts.files.pathOf(id));
      if (file === null) throw this.#damaged(id, 'its file is missing');
      const { length } = pieces;
      const proven =
        proofs === 'remember' ? this.#proofs.of(id, await identityOf(file), length) : new ProvenPieces(length);
      const onDamage = (problem: string): void => void this.#damaged(id, problem);
      return new CacheReader({ file, proven, onDamage, onClose: () => this.#leave(id) }, { record, pieces });
    } catch (error) {
      this.#leave(id);
      throw toNearbitsError(error, 'E_IO');
    }
  }

  #leave(id: RecordId): void {
    if (this.#parts.leases.leave(id)) this.#removal.finish(id);
    // While it was in use it may have kept the cache over a limit.
    if (this.#room.isOver) this.#run(() => this.sweep());
  }

  #damaged(id: RecordId, problem: string): NearbitsError {
    this.#run(() => this.#removeDamaged([{ id, problem }]));
    return damagedRecord(id, problem);
  }

  async #removeDamaged(records: readonly DamagedRecord[]): Promise<void> {
    const { catalog, log, emit } = this.#parts;
    const present = records.filter(({ id }) => catalog.get(id) !== undefined);
    for (const { id, problem } of present) {
      log.warn({ recordId: id, problem }, 'cached content is damaged and removed');
      emit({ type: 'cache.damaged', recordId: id, message: problem });
    }
    await this.#removal.remove(present.map(({ id }) => ({ id, reason: 'damaged' })));
  }

  async #removeAll(ids: readonly RecordId[]): Promise<RemoveResult> {
    const result = await this.#removal.remove(ids.map((id) => ({ id, reason: 'removed' })));
    await this.#parts.files.settle();
    return result;
  }

  /** Removes valid records that a new one makes useless. */
  async #supersede(record: CacheRecord): Promise<void> {
    const useless = recordsInside(this.#parts, record);
    await this.#removal.remove(useless.map(({ id }) => ({ id, reason: 'superseded' })));
  }

  #sweepLater(): void {
    this.#sweepTimer = this.#parts.clock.after(SWEEP_INTERVAL_MS, () => {
      this.#run(() => this.sweep());
      this.#sweepLater();
    });
  }

  /** Does something that nobody waits for but `close`. */
  #run(task: () => Promise<void>): void {
    const done = task()
      .catch((error) => this.#parts.log.error({ error: String(error) }, 'the cache could not be tidied'))
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  async #settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
    await this.#parts.files.settle();
  }
}

function notFound(id: RecordId): NearbitsError {
  return new NearbitsError('E_NOT_FOUND', `the cache has no record ${id}`, { details: { recordId: id } });
}
