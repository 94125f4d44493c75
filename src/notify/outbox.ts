import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { NotificationWay } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { Database, Table, WriteOp } from '../store/database.ts';
import { MAX_DATA_BYTES, type NotificationInput, NotificationRow, type PendingNotification } from './notification.ts';
import { type PendingEntry, PendingIndex, rankOf } from './pending-index.ts';

/** What the outbox works with. */
export interface OutboxDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How much the outbox keeps. */
export interface OutboxLimits {
  /** Most pending notifications of all jobs together. */
  readonly maxPending: number;
  /** Most pending notifications of one job. */
  readonly maxPendingPerJob: number;
}

/** Bounds of a node: about 25 MiB of memory when all of it is used, and a job of 200 files fits five times. */
export const OUTBOX_LIMITS: OutboxLimits = { maxPending: 100_000, maxPendingPerJob: 1000 };

const ID_DIGITS = 16;
const ID = /^\d{16}$/;
/** So many ids are taken at a time, so that the counter is written once for all of them. */
const ID_BLOCK = 1000;
const COUNTER_KEY = 'next';

/**
 * The pending notifications: rows in the database, an index of them in memory. When there are too many, of one job or
 * of all, the oldest modification goes first, then the oldest that tells of files, then the oldest end of a job; a new one
 * that ranks below all of these is itself not kept.
 */
export class Outbox {
  readonly index = new PendingIndex();
  readonly #deps: OutboxDeps;
  readonly #limits: OutboxLimits;
  readonly #rows: Table<NotificationRow>;
  readonly #counter: Table<number>;
  #nextId = 0;
  /** Ids below this one are covered by the stored counter. */
  #reservedId = 0;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(deps: OutboxDeps, limits: OutboxLimits) {
    this.#deps = deps;
    this.#limits = limits;
    this.#rows = deps.database.table('notifications', NotificationRow);
    this.#counter = deps.database.table('notification-counter', z.int().min(0));
  }

  /** Reads all rows; damaged ones are skipped. @throws NearbitsError E_IO */
  static async open(deps: OutboxDeps, limits: OutboxLimits): Promise<Outbox> {
    const outbox = new Outbox(deps, limits);
    for await (const [id, row] of outbox.#rows.entries()) if (ID.test(id)) outbox.#remember(id, row);
    // A counter that was lost goes on at the time of day, in microseconds, which is ahead of all ids ever given.
    const stored = (await outbox.#counter.get(COUNTER_KEY)) ?? Math.floor(deps.clock.wallMs()) * 1000;
    outbox.#nextId = Math.max(stored, outbox.#nextId);
    outbox.#reservedId = outbox.#nextId;
    return outbox;
  }

  /**
   * Stores a notification, and in the same step what else is `together` with it, and resolves once both survive a crash
   * of the process.
   * @throws NearbitsError E_INVALID_ARGUMENT when its data is too large, E_DISK_FULL or E_IO when it cannot be stored
   */
  async add(input: NotificationInput, together: readonly WriteOp[] = []): Promise<void> {
    const bytes = Buffer.byteLength(JSON.stringify(input.data));
    if (bytes > MAX_DATA_BYTES) {
      throw new NearbitsError(
        'E_INVALID_ARGUMENT',
        `a notification of ${bytes} bytes is larger than ${MAX_DATA_BYTES}`,
      );
    }
    const { jobId, owner, kind, urgent, data } = input;
    const row: NotificationRow = { v: 1, jobId, owner, kind, urgent, atMs: this.#deps.clock.wallMs(), data };
    await this.#inTurn(() => this.#store(row, together));
  }

  /** The notification as it is handed out next on that way; undefined when it is gone or damaged. @throws NearbitsError E_IO */
  async take(id: string, way: NotificationWay): Promise<PendingNotification | undefined> {
    const row = await this.#rows.get(id);
    const entry = this.index.get(id);
    if (row === undefined || entry === undefined) return undefined;
    entry.attempts[way]++;
    const { v: _, ...told } = row;
    return { id, ...told, attempt: entry.attempts[way] };
  }

  /** Ends a notification; false when somebody else did already. @throws NearbitsError E_IO */
  async remove(id: string): Promise<boolean> {
    if (this.index.get(id) === undefined) return false;
    await this.#rows.delete(id);
    return this.index.remove(id);
  }

  /** Ends all notifications of a job. @throws NearbitsError E_IO */
  async removeJob(jobId: JobId): Promise<void> {
    await this.#inTurn(async () => {
      const entries = this.index.ofJob(jobId);
      await this.#deps.database.write(entries.map((entry) => this.#rows.deleting(entry.id)));
      for (const entry of entries) this.index.remove(entry.id);
    });
  }

  async #store(row: NotificationRow, together: readonly WriteOp[]): Promise<void> {
    const victim = this.#victim(row);
    if (victim?.urgent) this.#deps.log.warn({ jobId: victim.jobId, kind: victim.kind }, 'too many notifications wait');
    // What would be dropped first itself does not push out anything better.
    if (victim !== null && rankOf(victim) > rankOf(row)) return this.#deps.database.write(together);
    const number = this.#nextId++;
    const id = String(number).padStart(ID_DIGITS, '0');
    const reservedId = number < this.#reservedId ? this.#reservedId : number + ID_BLOCK;
    const ops: WriteOp[] = [...together, this.#rows.putting(id, row)];
    if (victim !== null) ops.push(this.#rows.deleting(victim.id));
    if (reservedId > this.#reservedId) ops.push(this.#counter.putting(COUNTER_KEY, reservedId));
    await this.#deps.database.write(ops);
    this.#reservedId = reservedId;
    if (victim !== null) this.index.remove(victim.id);
    this.#remember(id, row);
  }

  #victim(row: NotificationRow): PendingEntry | null {
    const ofJob = this.index.firstToDropOf(row.jobId);
    const replaced = !row.urgent && ofJob?.urgent === false;
    if (replaced || this.index.countOf(row.jobId) >= this.#limits.maxPendingPerJob) return ofJob;
    return this.index.size >= this.#limits.maxPending ? this.index.firstToDrop() : null;
  }

  #remember(id: string, row: NotificationRow): void {
    const { jobId, owner, kind, urgent } = row;
    this.index.add({ id, jobId, owner, kind, urgent, attempts: { subscriber: 0, webhook: 0, command: 0 } });
    this.#nextId = Math.max(this.#nextId, Number(id) + 1);
  }

  // LevelDB may finish two writes in another order than they were begun: one at a time keeps the order of the ids.
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(run);
    this.#writing = done.catch(() => {});
    return done;
  }
}
