import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Level } from 'level';
import type { z } from 'zod';
import { type Clock, systemClock } from '../core/clock.ts';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import { bytesCodec, jsonCodec } from './codec.ts';
import { findDamage, findLostStart } from './damage.ts';
import { RawAccess, type RawDatabase, READ_AHEAD_BYTES } from './raw-access.ts';
import { unseal } from './seal.ts';
import { freePath, SetAside, timeStamp, type UnusableValue } from './set-aside.ts';
import { Table, type TableDeps, type WriteOp } from './table.ts';

export type { EntryRange, Table, WriteOp } from './table.ts';

/** What a database works with. */
export interface DatabaseDeps {
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** Dates the name of a damaged database that is set aside; the machine's clock by default. */
  readonly clock?: Clock;
}

/**
 * LevelDB bounds, chosen for a process that idles below 130 MiB: at most two
 * write buffers of 1 MiB, 1 MiB of cached blocks and 64 open tables.
 */
const LEVEL_OPTIONS = {
  keyEncoding: 'utf8',
  valueEncoding: 'view',
  cacheSize: 1024 * 1024,
  writeBufferSize: 1024 * 1024,
  maxOpenFiles: 64,
} as const;

/** Where a database lies and what it does with values that cannot be used. */
export interface DatabaseOptions {
  readonly dir: string;
  /**
   * Whether values that cannot be used are kept in a file beside `dir` instead of being removed, and databases that were
   * set aside before stay; for what nobody could make again. False unless told.
   */
  readonly setAside?: boolean;
}

/** Everything the node remembers in small values: one LevelDB directory, used by one process at a time. */
export class Database {
  readonly #access: RawAccess;
  readonly #tableDeps: TableDeps;

  private constructor(raw: RawDatabase, deps: DatabaseDeps, { dir, setAside = false }: DatabaseOptions) {
    const { log, emit, clock = systemClock } = deps;
    const access = new RawAccess(raw, { dir });
    this.#access = access;
    this.#tableDeps = { access, log, setAside: setAside ? new SetAside({ access, clock, log, emit }, { dir }) : null };
  }

  /**
   * Opens the database in `dir`, or makes it:
   * 1. take the lock and open; a database that cannot be read is set aside as
   *    `<dir>.damaged-<time>` (only the newest of these is kept, but for `setAside`) and an empty one
   *    is opened in its place, told by the event index.rebuilt (BITS does the same: event 78);
   * 2. read every value once; single values that are damaged are removed, or set aside, told by index.repaired.
   * @throws NearbitsError E_ALREADY_RUNNING while another process has it open, E_IO when the directory cannot be used.
   */
  static async open(deps: DatabaseDeps, options: DatabaseOptions): Promise<Database> {
    const { log, clock = systemClock } = deps;
    const first = await tryOpen(options.dir);
    if ('raw' in first) {
      const database = new Database(first.raw, deps, options);
      await database.#repair(first.damaged, deps.emit);
      return database;
    }
    const setAside = await moveAside(options.dir, clock, options.setAside ?? false);
    log.error({ setAside, problem: first.problem }, 'the index is damaged and starts empty');
    deps.emit({ type: 'index.rebuilt', setAside });
    const second = await tryOpen(options.dir);
    if ('raw' in second) return new Database(second.raw, deps, options);
    throw new NearbitsError('E_IO', `a new index in ${options.dir} is damaged at once: ${second.problem}`, {
      hint: 'Check the disk: what was just written does not read back.',
    });
  }

  async #repair(damaged: readonly UnusableValue[], emit: EmitEvent): Promise<void> {
    if (damaged.length === 0) return;
    const { setAside, log } = this.#tableDeps;
    if (setAside !== null) return await setAside.take(damaged);
    await this.#access.write((raw) => raw.batch(damaged.map(({ key }) => ({ type: 'del', key }))));
    log.error({ dropped: damaged.length }, 'damaged values were removed from the index');
    emit({ type: 'index.repaired', dropped: damaged.length });
  }

  /** The table of that name with values of JSON; the same name always means the same table. */
  table<T>(name: string, schema: z.ZodType<T>): Table<T> {
    return new Table(this.#tableDeps, checkName(name), jsonCodec(schema));
  }

  /** The table of that name with values of raw bytes. */
  bytesTable(name: string): Table<Uint8Array> {
    return new Table(this.#tableDeps, checkName(name), bytesCodec);
  }

  /**
   * Carries out all changes or none. With `sync` they survive a crash of the machine once this resolves; without, a crash of the process.
   * @throws NearbitsError E_DISK_FULL or E_IO
   */
  async write(ops: readonly WriteOp[], options: { readonly sync?: boolean } = {}): Promise<void> {
    if (ops.length === 0) return;
    await this.#access.write((raw) => raw.batch([...ops], { sync: options.sync ?? false }));
  }

  /** Finishes running operations and gives the lock back. */
  async close(): Promise<void> {
    await this.#access.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkName(name: string): string {
  if (!/^[a-z][a-z-]*$/.test(name)) throw new NearbitsError('E_INTERNAL', `"${name}" is not a name for a table`);
  return name;
}

type Attempt = { readonly raw: RawDatabase; readonly damaged: readonly UnusableValue[] } | { readonly problem: string };

async function tryOpen(dir: string): Promise<Attempt> {
  await makeDirectory(dir);
  const lost = await findLostStart(dir);
  if (lost !== null) return { problem: lost };
  const raw: RawDatabase = new Level<string, Uint8Array>(dir, LEVEL_OPTIONS);
  try {
    await raw.open();
    return { raw, damaged: await findUnusable(raw) };
  } catch (error) {
    await raw.close();
    return { problem: await problemOf(error, dir) };
  }
}

async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new NearbitsError('E_IO', `the directory ${dir} cannot be made`, {
      cause,
      hint: 'Check that its parent exists, is a directory and may be written to.',
    });
  }
}

/** Damaged tables show only when they are read, so all are read before anybody relies on them. */
async function findUnusable(raw: RawDatabase): Promise<UnusableValue[]> {
  const damaged: UnusableValue[] = [];
  await using iterator = raw.iterator({ highWaterMarkBytes: READ_AHEAD_BYTES });
  for (let batch = await iterator.nextv(1000); batch.length > 0; batch = await iterator.nextv(1000)) {
    for (const [key, value] of batch) if (unseal(key, value) === null) damaged.push({ key, value, reason: 'damaged' });
  }
  return damaged;
}

async function problemOf(error: unknown, dir: string): Promise<string> {
  // A failed open carries the reason as its cause, a failed read is the reason itself.
  const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemErrorCode(reason);
  const message = reason instanceof Error ? reason.message : String(reason);
  if (code === 'LEVEL_LOCKED') throw alreadyRunning(dir, error);
  if (code === 'LEVEL_CORRUPTION') return message;
  const damage = await findDamage(dir);
  if (damage !== null) return damage;
  throw new NearbitsError('E_IO', `the index in ${dir} cannot be opened: ${message}`, { cause: error });
}

function alreadyRunning(dir: string, cause: unknown): NearbitsError {
  return new NearbitsError('E_ALREADY_RUNNING', `another process uses ${dir}`, {
    cause,
    details: { dir },
    hint: 'Stop the other nearbits process first, or give this one its own data directory.',
  });
}

async function moveAside(dir: string, clock: Clock, keepOlder: boolean): Promise<string> {
  const stem = `${basename(dir)}.damaged-`;
  const older = keepOlder ? [] : (await readdir(dirname(dir))).filter((name) => name.startsWith(stem));
  for (const name of older) await rm(join(dirname(dir), name), { recursive: true, force: true });
  const setAside = await freePath(join(dirname(dir), stem + timeStamp(clock)));
  await rename(dir, setAside);
  return setAside;
}
