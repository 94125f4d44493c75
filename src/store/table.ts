import type { Level } from 'level';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import type { Codec } from './codec.ts';
import { seal, unseal } from './seal.ts';

/** The database underneath: text keys, values as bytes. */
export type RawDatabase = Level<string, Uint8Array>;

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

/**
 * A named part of the database with keys of text and values of one type.
 * Damaged values and values that the schema refuses are skipped with a warning,
 * as if they were not there. Methods throw NearbitsError E_IO when the disk fails.
 */
export class Table<T> {
  readonly #raw: RawDatabase;
  readonly #log: Logger;
  readonly #codec: Codec<T>;
  readonly #prefix: string;

  constructor(deps: { readonly raw: RawDatabase; readonly log: Logger }, name: string, codec: Codec<T>) {
    this.#raw = deps.raw;
    this.#log = deps.log;
    this.#codec = codec;
    this.#prefix = name + SEPARATOR;
  }

  async get(key: string): Promise<T | undefined> {
    const own = this.#prefix + key;
    return this.#decode(own, await failing('read', () => this.#raw.get(own)));
  }

  /** Like `get`, without giving way to other work: for values of a few KiB in paths that must not be interrupted. */
  getSync(key: string): T | undefined {
    const own = this.#prefix + key;
    try {
      return this.#decode(own, this.#raw.getSync(own));
    } catch (error) {
      throw storeError('read', error);
    }
  }

  /** Stores one value; it survives a crash of the process, but only `Database.write` with `sync` one of the machine. */
  async put(key: string, value: T): Promise<void> {
    const own = this.#prefix + key;
    await failing('write', () => this.#raw.put(own, seal(own, this.#codec.encode(value))));
  }

  /** Removes one value; nothing happens when there is none. */
  async delete(key: string): Promise<void> {
    await failing('write', () => this.#raw.del(this.#prefix + key));
  }

  /** Walks over keys and values in the order of the keys, as they were when the walk began. A text means a prefix. */
  async *entries(range: EntryRange | string = {}): AsyncGenerator<readonly [string, T]> {
    const { prefix = '', after, limit = -1 } = typeof range === 'string' ? { prefix: range } : range;
    const start = this.#prefix + prefix;
    const lower = after !== undefined && this.#prefix + after >= start ? { gt: this.#prefix + after } : { gte: start };
    let left = limit < 0 ? Number.POSITIVE_INFINITY : limit;
    if (left === 0) return;
    const iterator = this.#raw.iterator({ ...lower, lt: start + END });
    try {
      while (left > 0) {
        const batch = await failing('read', () => iterator.nextv(Math.min(left, 1000)));
        if (batch.length === 0) return;
        for (const [own, sealed] of batch) {
          const value = this.#decode(own, sealed);
          if (value === undefined) continue;
          left--;
          yield [own.slice(this.#prefix.length), value];
        }
      }
    } finally {
      await iterator.close();
    }
  }

  /** Walks over the keys alone, in order, whatever their values are worth. */
  async *keys(): AsyncGenerator<string> {
    await using iterator = this.#raw.keys({ gte: this.#prefix, lt: this.#prefix + END });
    for (let batch = await nextKeys(iterator); batch.length > 0; batch = await nextKeys(iterator)) {
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

  #decode(own: string, sealed: Uint8Array | undefined): T | undefined {
    if (sealed === undefined) return undefined;
    const bytes = unseal(own, sealed);
    const value = bytes === null ? null : this.#codec.decode(bytes);
    if (value !== null) return value;
    this.#log.warn({ key: own, damaged: bytes === null }, 'a value of the index cannot be used and is skipped');
    return undefined;
  }
}

function nextKeys(iterator: { nextv(size: number): Promise<string[]> }): Promise<string[]> {
  return failing('read', () => iterator.nextv(1000));
}

/** Runs one operation of the database; its failure becomes a NearbitsError E_IO. */
export async function failing<T>(what: 'read' | 'write', run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw storeError(what, error);
  }
}

function storeError(what: string, cause: unknown): NearbitsError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new NearbitsError('E_IO', `the index cannot be ${what === 'read' ? 'read' : 'written'}: ${message}`, {
    cause,
  });
}
