import type { Logger } from '../observe/log.ts';
import type { Codec } from './codec.ts';
import { type RawAccess, READ_AHEAD_BYTES, storeError } from './raw-access.ts';
import { seal, unseal } from './seal.ts';
import type { SetAside, UnusableValue } from './set-aside.ts';

/** One change, made by a table and carried out by `Database.write` together with others. */
export type WriteOp =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** Which entries to walk over; all of them when nothing is given. */
export interface EntryRange {
  /** Only keys that start with this text. */
  readonly prefix?: string;
  /** Only keys that sort after this one. */
  readonly after?: string;
  /** At most this many entries. */
  readonly limit?: number;
}

/** Sorts after the separator and so after every key of a table. */
const END = '\uffff';
const SEPARATOR = '!';

/** How many unusable values a walk gathers before they are set aside. */
const MAX_GATHERED = 1000;

/** What a table works with. */
export interface TableDeps {
  readonly access: RawAccess;
  readonly log: Logger;
  /** Where values that cannot be used go; null: they stay. */
  readonly setAside: SetAside | null;
}

/**
 * A named part of the database with keys of text and values of one type.
 * Damaged values and values that the schema refuses are skipped with a warning,
 * as if they were not there, and in a database opened with `setAside` they are set
 * aside by whoever meets them, `getSync` excepted. Methods throw NearbitsError E_IO when the disk fails,
 * those that write E_DISK_FULL when it is full.
 */
export class Table<T> {
  readonly #access: RawAccess;
  readonly #log: Logger;
  readonly #setAside: SetAside | null;
  readonly #codec: Codec<T>;
  readonly #prefix: string;

  constructor(deps: TableDeps, name: string, codec: Codec<T>) {
    this.#access = deps.access;
    this.#log = deps.log;
    this.#setAside = deps.setAside;
    this.#codec = codec;
    this.#prefix = name + SEPARATOR;
  }

  async get(key: string): Promise<T | undefined> {
    const own = this.#prefix + key;
    const unusable: UnusableValue[] = [];
    const value = this.#decode(own, await this.#access.read((raw) => raw.get(own)), unusable);
    await this.#setAside?.take(unusable);
    return value;
  }

  /** Like `get`, without giving way to other work: for values of a few KiB in paths that must not be interrupted. */
  getSync(key: string): T | undefined {
    const own = this.#prefix + key;
    try {
      return this.#decode(own, this.#access.raw.getSync(own), []);
    } catch (error) {
      throw storeError('read', error);
    }
  }

  /** Stores one value; it survives a crash of the process, but only `Database.write` with `sync` one of the machine. */
  async put(key: string, value: T): Promise<void> {
    const own = this.#prefix + key;
    const sealed = seal(own, this.#codec.encode(value));
    await this.#access.write((raw) => raw.put(own, sealed));
  }

  /** Removes one value; nothing happens when there is none. */
  async delete(key: string): Promise<void> {
    await this.#access.write((raw) => raw.del(this.#prefix + key));
  }

  /** Walks over keys and values in the order of the keys, as they were when the walk began. A text means a prefix. */
  async *entries(range: EntryRange | string = {}): AsyncGenerator<readonly [string, T]> {
    const { prefix = '', after, limit = -1 } = typeof range === 'string' ? { prefix: range } : range;
    const start = this.#prefix + prefix;
    const lower = after !== undefined && this.#prefix + after >= start ? { gt: this.#prefix + after } : { gte: start };
    let left = limit < 0 ? Number.POSITIVE_INFINITY : limit;
    if (left === 0) return;
    const unusable: UnusableValue[] = [];
    const iterator = this.#access.raw.iterator({ ...lower, lt: start + END, highWaterMarkBytes: READ_AHEAD_BYTES });
    try {
      while (left > 0) {
        const batch = await this.#access.read(() => iterator.nextv(Math.min(left, 1000)));
        if (batch.length === 0) return;
        for (const [own, sealed] of batch) {
          const value = this.#decode(own, sealed, unusable);
          if (value === undefined) continue;
          left--;
          yield [own.slice(this.#prefix.length), value];
        }
        if (unusable.length >= MAX_GATHERED) await this.#setAside?.take(unusable.splice(0));
      }
    } finally {
      await iterator.close();
      await this.#setAside?.take(unusable);
    }
  }

  /** Walks over the keys alone, in order, whatever their values are worth. */
  async *keys(): AsyncGenerator<string> {
    await using iterator = this.#access.raw.keys({ gte: this.#prefix, lt: this.#prefix + END });
    const next = () => this.#access.read(() => iterator.nextv(1000));
    for (let batch = await next(); batch.length > 0; batch = await next()) {
      for (const own of batch) yield own.slice(this.#prefix.length);
    }
  }

  /** The change that stores a value, for `Database.write`. */
  putting(key: string, value: T): WriteOp {
    const own = this.#prefix + key;
    return { type: 'put', key: own, value: seal(own, this.#codec.encode(value)) };
  }

  /** The change that removes a value, for `Database.write`. */
  deleting(key: string): WriteOp {
    return { type: 'del', key: this.#prefix + key };
  }

  #decode(own: string, sealed: Uint8Array | undefined, unusable: UnusableValue[]): T | undefined {
    if (sealed === undefined) return undefined;
    const bytes = unseal(own, sealed);
    const value = bytes === null ? null : this.#codec.decode(bytes);
    if (value !== null) return value;
    this.#log.warn({ key: own, damaged: bytes === null }, 'a value of the index cannot be used and is skipped');
    if (this.#setAside !== null)
      unusable.push({ key: own, value: sealed, reason: bytes === null ? 'damaged' : 'refused' });
    return undefined;
  }
}
