import { z } from 'zod';
import type { RecordId } from '../core/ids.ts';
import type { Piece } from '../core/pieces.ts';
import { RangeSet } from '../core/range-set.ts';
import type { Database, EntryRange, Table, WriteOp } from '../store/database.ts';
import { packHashes, type RecordState, StoredRecord, unpackPieces } from './record.ts';

/**
 * The records as they survive a restart, in three tables with the id as the key:
 * what the record is, the hashes of its pieces (large, read only when it is opened),
 * and when it was last used (changes often).
 */
export class RecordIndex {
  readonly #database: Database;
  readonly #records: Table<StoredRecord>;
  readonly #hashes: Table<Uint8Array>;
  readonly #access: Table<number>;
  #writing: Promise<void> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
    this.#records = database.table('cache-record', StoredRecord);
    this.#hashes = database.bytesTable('cache-hashes');
    this.#access = database.table('cache-access', z.number());
  }

  get(id: RecordId): StoredRecord | undefined {
    return this.#records.getSync(id);
  }

  /** Records in the order of their ids. */
  entries(range: EntryRange = {}): AsyncIterable<readonly [string, StoredRecord]> {
    return this.#records.entries(range);
  }

  /** The time of the last access of each record, in the order of the ids. */
  accessTimes(): AsyncIterable<readonly [string, number]> {
    return this.#access.entries();
  }

  /** The ids of records whose piece hashes are stored, in order. */
  async *hashedIds(): AsyncIterable<readonly [string, true]> {
    for await (const id of this.#hashes.keys()) yield [id, true];
  }

  /** The pieces of a record, or null when they are damaged or gone. */
  async pieces(id: RecordId, stored: StoredRecord): Promise<Piece[] | null> {
    const hashes = await this.#hashes.get(id);
    if (hashes === undefined) return null;
    const ranges = RangeSet.of(...stored.ranges.map(([start, end]) => ({ start, end })));
    return unpackPieces(ranges, stored.pieceSize, hashes);
  }

  /** Promises the record: once this resolves it survives a crash of the machine. */
  add(id: RecordId, stored: StoredRecord, pieces: readonly Piece[]): Promise<void> {
    return this.#write(
      () => [
        this.#records.putting(id, stored),
        this.#hashes.putting(id, packHashes(pieces)),
        this.#access.putting(id, stored.createdMs),
      ],
      true,
    );
  }

  /** Changes the state of a record unless it is gone by then; resolves to the record, or null. */
  async setState(id: RecordId, state: RecordState): Promise<StoredRecord | null> {
    let changed: StoredRecord | null = null;
    await this.#write(() => {
      const stored = this.get(id);
      if (stored === undefined) return [];
      changed = { ...stored, state };
      return [this.#records.putting(id, changed)];
    }, true);
    return changed;
  }

  /** Forgets records. Not synced: after a crash of the machine they may be back, and then lack their files. */
  delete(ids: readonly string[]): Promise<void> {
    return this.#write(() => ids.flatMap((id) => this.#deleting(id)), false);
  }

  /** Stores access times, of those records that are still there. */
  saveAccess(times: ReadonlyMap<RecordId, number>, isThere: (id: RecordId) => boolean): Promise<void> {
    return this.#write(
      () => [...times].filter(([id]) => isThere(id)).map(([id, timeMs]) => this.#access.putting(id, timeMs)),
      false,
    );
  }

  #deleting(id: string): WriteOp[] {
    return [this.#records.deleting(id), this.#hashes.deleting(id), this.#access.deleting(id)];
  }

  // LevelDB runs writes on several threads and in any order, so a change of a record and its
  // removal could swap. Changes therefore go one after the other and are made up when it is their turn.
  #write(makeOps: () => readonly WriteOp[], sync: boolean): Promise<void> {
    const done = this.#writing.then(() => this.#database.write(makeOps(), { sync }));
    this.#writing = done.catch(() => {});
    return done;
  }
}
