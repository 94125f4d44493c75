import { createHash, randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cache } from '../../src/cache/cache.ts';
import { type Disk, nodeDisk } from '../../src/cache/disk.ts';
import type { CacheLimits } from '../../src/cache/limits.ts';
import type { CacheReader } from '../../src/cache/reader.ts';
import type { CacheRecord, NewContent } from '../../src/cache/record.ts';
import { type ByteRange, rangeLength } from '../../src/core/byte-range.ts';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { cutIntoPieces, type Piece } from '../../src/core/pieces.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import type { NodeEventBody } from '../../src/observe/events.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { Database } from '../../src/store/database.ts';

export const DAY_MS = 86_400_000;
export const never = new AbortController().signal;

/** Limits that no test reaches by accident. */
export const WIDE: CacheLimits = { maxBytes: 1_000_000_000, maxAgeMs: 90 * DAY_MS, minFreeBytes: 0 };

/** A file of the origin: random bytes that the test keeps, to compare with. */
export interface TestFile {
  readonly url: string;
  readonly bytes: Buffer;
}

export function testFile(size: number, url = 'http://origin.test/file'): TestFile {
  return { url, bytes: randomBytes(size) };
}

export function piecesOf(bytes: Uint8Array, ranges: readonly ByteRange[], pieceSize: number): Piece[] {
  return cutIntoPieces(RangeSet.of(...ranges), pieceSize).map((range) => ({
    ...range,
    hash: createHash('sha256').update(bytes.subarray(range.start, range.end)).digest(),
  }));
}

/** How a test file is admitted; the whole of it as valid when nothing is said. */
export interface AdmitOptions extends Partial<Omit<NewContent, 'pieces' | 'source'>> {
  /** In the order in which they lie in the source. */
  readonly ranges?: readonly ByteRange[];
}

/** A cache in a directory of its own, with a clock that stands still; reopened as often as a test needs. */
export class CacheFixture {
  readonly dir: string;
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly events: NodeEventBody[] = [];
  limits: CacheLimits = WIDE;
  disk: Disk = nodeDisk;
  #open: { readonly database: Database; readonly cache: Cache } | null = null;

  constructor(dir: string) {
    this.dir = dir;
  }

  get cache(): Cache {
    if (this.#open === null) throw new Error('the cache is not open');
    return this.#open.cache;
  }

  get database(): Database {
    if (this.#open === null) throw new Error('the cache is not open');
    return this.#open.database;
  }

  async open(): Promise<Cache> {
    const emit = (event: NodeEventBody): void => void this.events.push(event);
    const deps = { log: silentLogger, emit, clock: this.clock };
    const database = await Database.open(deps, { dir: join(this.dir, 'index') });
    try {
      const cache = await Cache.open(
        { ...deps, database, disk: this.disk },
        { dir: join(this.dir, 'cache'), limits: this.limits },
      );
      this.#open = { database, cache };
      return cache;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#open?.cache.close();
    await this.#open?.database.close();
    this.#open = null;
  }

  async reopen(): Promise<Cache> {
    await this.close();
    return this.open();
  }

  /** Ends the process, as far as the cache can tell: nothing is stored or tidied any more. */
  async crash(): Promise<void> {
    await this.#open?.database.close();
    this.#open = null;
  }

  /** What is admitted of a file; writes the source for it. */
  async content(file: TestFile, options: AdmitOptions = {}): Promise<NewContent> {
    const { url, bytes } = file;
    const size = bytes.length;
    const { ranges = size === 0 ? [] : [{ start: 0, end: size }], pieceSize = 1024 * 1024, ...rest } = options;
    const path = join(this.dir, 'source');
    await writeFile(path, Buffer.concat(ranges.map((range) => bytes.subarray(range.start, range.end))));
    const version = { size, lastModifiedMs: 1_600_000_000_000, etag: '"1"' };
    const pieces = piecesOf(bytes, ranges, pieceSize);
    return { url, version, pieceSize, pieces, sha256: null, state: 'valid', source: { path, ranges }, ...rest };
  }

  /** Reserves room for a file and admits it. */
  async admit(file: TestFile, options: AdmitOptions = {}): Promise<CacheRecord> {
    const content = await this.content(file, options);
    const bytes = content.source.ranges.reduce((sum, range) => sum + rangeLength(range), 0);
    await using reservation = await this.cache.reserve(bytes);
    return this.cache.admit(content, reservation, never);
  }

  /** Every file below the content directory, by name. */
  async contentFiles(): Promise<string[]> {
    const entries = await readdir(join(this.dir, 'cache', 'content'), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  }

  async incomingFiles(): Promise<string[]> {
    return readdir(join(this.dir, 'cache', 'incoming'));
  }

  pathOf(id: string): string {
    return join(this.dir, 'cache', 'content', id.slice(0, 2), id);
  }

  /** The events of one kind, in order. */
  eventsOf<T extends NodeEventBody['type']>(type: T): Extract<NodeEventBody, { type: T }>[] {
    return this.events.filter((event): event is Extract<NodeEventBody, { type: T }> => event.type === type);
  }
}

/** All bytes that a reader hands out for a range. */
export async function readRange(reader: CacheReader, range: ByteRange): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await reader.read(range, (chunk) => void chunks.push(chunk), never);
  return Buffer.concat(chunks);
}
