import { statfs } from 'node:fs/promises';
import type { Level } from 'level';
import { NearbitsError } from '../core/errors.ts';

/** The database underneath: text keys, values as bytes. */
export type RawDatabase = Level<string, Uint8Array>;

/**
 * How much of the database a walk takes into memory at once. The 16 KiB that classic-level has by itself mean a change of
 * threads for every five jobs, which made walks four times as slow.
 */
export const READ_AHEAD_BYTES = 1024 * 1024;

/** Room that opening takes in the worst case: the log and the tables of two write buffers of 1 MiB. */
const ROOM_TO_OPEN_BYTES = 4 * 1024 * 1024;

/**
 * All reading and writing of the database passes here, because LevelDB does not get over a failed write by itself: what
 * follows it in the log is lost at the next start, or every later write fails, also when the disk has room again. So after
 * a failed write the database is opened anew before the next one; until there is room for that, reading goes on.
 */
export class RawAccess {
  readonly raw: RawDatabase;
  readonly #dir: string;
  #writeFailed = false;
  #reopening: Promise<void> | null = null;
  #closed = false;

  constructor(raw: RawDatabase, options: { readonly dir: string }) {
    this.raw = raw;
    this.#dir = options.dir;
  }

  /** @throws NearbitsError E_IO */
  async read<T>(run: (raw: RawDatabase) => Promise<T>): Promise<T> {
    await this.#reopening?.catch(() => undefined); // whoever writes is told; a closed database tells the reader
    try {
      return await run(this.raw);
    } catch (error) {
      throw storeError('read', error);
    }
  }

  /** @throws NearbitsError E_DISK_FULL or E_IO */
  async write(run: (raw: RawDatabase) => Promise<void>): Promise<void> {
    if (this.#writeFailed && !this.#closed) await this.#reopenOnce();
    try {
      await run(this.raw);
    } catch (error) {
      this.#writeFailed = true;
      throw storeError('write', error);
    }
  }

  /** Finishes running operations and closes the database for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reopening?.catch(() => undefined);
    await this.raw.close();
  }

  #reopenOnce(): Promise<void> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#dir);
    if (bavail * bsize < ROOM_TO_OPEN_BYTES) throw diskFull(null);
    try {
      await this.raw.close();
      await this.raw.open();
      this.#writeFailed = false;
    } catch (error) {
      throw storeError('write', error);
    }
  }
}

/** What a failed operation of the database is called. */
export function storeError(what: 'read' | 'write', cause: unknown): NearbitsError {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const message = reason instanceof Error ? reason.message : String(reason);
  // LevelDB hands on the text of the system and no code.
  if (message.includes('No space left on device')) return diskFull(cause);
  const verb = what === 'read' ? 'read' : 'written';
  return new NearbitsError('E_IO', `the index cannot be ${verb}: ${message}`, { cause });
}

function diskFull(cause: unknown): NearbitsError {
  return new NearbitsError('E_DISK_FULL', 'the index cannot be written: its disk is full', {
    cause,
    hint: 'Free some space on the disk of the data directory; the node then goes on by itself.',
  });
}
