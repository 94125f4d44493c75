import { type FileHandle, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { rangeLength } from '../core/byte-range.ts';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import type { RecordId } from '../core/ids.ts';
import type { Logger } from '../observe/log.ts';
import { writeFileAtomically } from '../platform/write-file.ts';
import type { Disk } from './disk.ts';
import type { ContentSource } from './record.ts';

/** Number of the directory layout; grows when a release lays files out differently. */
const LAYOUT = 1;

/** Something that lies in the content directory. */
export interface FoundFile {
  readonly name: string;
  readonly path: string;
}

/**
 * The content files of the cache:
 *
 *     <dir>/layout               number of this layout
 *     <dir>/incoming/<id>        being copied; worthless after a crash
 *     <dir>/content/<xx>/<id>    one file per record, xx = the first two digits of the id
 *
 * Bytes lie at the offsets they have in the origin file; what is not held is a hole.
 */
export class ContentFiles {
  readonly #disk: Disk;
  readonly #log: Logger;
  readonly #dir: string;
  readonly #placing = new Set<RecordId>();
  readonly #doomed = new Map<RecordId, number>();
  #removing: Promise<void> | null = null;

  constructor(deps: { readonly disk: Disk; readonly log: Logger }, options: { readonly dir: string }) {
    this.#disk = deps.disk;
    this.#log = deps.log;
    this.#dir = options.dir;
  }

  /**
   * Makes the directories and checks the layout.
   * @throws NearbitsError E_IO when a newer release laid them out.
   */
  async prepare(): Promise<void> {
    await mkdir(this.#incoming(), { recursive: true, mode: 0o700 });
    await mkdir(this.#content(), { recursive: true, mode: 0o700 });
    const layout = await readLayout(join(this.#dir, 'layout'));
    if (layout > LAYOUT) {
      throw new NearbitsError('E_IO', `the cache in ${this.#dir} has the layout ${layout} of a newer release`, {
        hint: 'Start the newer release, or remove that directory to begin with an empty cache.',
      });
    }
    if (layout < LAYOUT) await writeFileAtomically(join(this.#dir, 'layout'), `${LAYOUT}\n`, 0o600);
  }

  /** Where the content of a record lies. */
  pathOf(id: RecordId): string {
    return join(this.#content(), id.slice(0, 2), id);
  }

  /** Bytes free for the cache: those of the disk, and those of files that are about to go. */
  async freeBytes(): Promise<number> {
    const free = await this.#disk.freeBytes(this.#dir);
    return [...this.#doomed.values()].reduce((sum, bytes) => sum + bytes, free);
  }

  /** Whether the file of this record is being put in its place or about to be removed, so that no record may name it. */
  isBusyWith(id: string): boolean {
    return this.#placing.has(id as RecordId) || this.#doomed.has(id as RecordId);
  }

  /**
   * Puts content in its place so that it survives a crash of the machine, then runs `commit`, which names it in the index:
   * 1. copy into incoming, 2. sync the bytes, 3. rename, 4. sync the directory, 5. commit.
   * When any step fails nothing is left behind. `size` is the size of the origin file.
   */
  async place(
    id: RecordId,
    content: { readonly source: ContentSource; readonly size: number },
    commit: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const temporary = join(this.#incoming(), id);
    this.#placing.add(id);
    try {
      await this.#copy(content.source, content.size, temporary, signal);
      signal.throwIfAborted();
      await this.#disk.syncFile(temporary);
      await this.#moveIn(temporary, id);
      await commit();
    } catch (error) {
      await this.#discard(temporary);
      await this.#discard(this.pathOf(id));
      throw error;
    } finally {
      this.#placing.delete(id);
    }
  }

  /** Removes a content file of `bytes` bytes behind the caller's back; `settle` waits for it. */
  removeLater(id: RecordId, bytes: number): void {
    this.#doomed.set(id, bytes);
    this.#removing ??= this.#removeDoomed();
  }

  /** Waits until every file that was to be removed is gone. */
  async settle(): Promise<void> {
    await this.#removing;
  }

  /** Removes what a crash left in incoming; returns how many files that were. */
  async clearIncoming(): Promise<number> {
    const names = await readdir(this.#incoming());
    for (const name of names) await this.#discard(join(this.#incoming(), name));
    return names.length;
  }

  /** Walks over everything that lies in the content directory, directory by directory. */
  async *scan(): AsyncGenerator<readonly FoundFile[]> {
    for (const entry of await readdir(this.#content(), { withFileTypes: true })) {
      const path = join(this.#content(), entry.name);
      if (!entry.isDirectory()) yield [{ name: entry.name, path }];
      else yield (await readdir(path)).map((name) => ({ name, path: join(path, name) }));
    }
  }

  /** Removes a file that no record knows. */
  async removeFound(file: FoundFile): Promise<void> {
    await this.#discard(file.path);
  }

  async #copy(source: ContentSource, size: number, to: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [only] = source.ranges;
    const isWhole = source.ranges.length === 1 && only !== undefined && rangeLength(only) === size;
    if (!isWhole) return this.#disk.copyRanges(source.path, source.ranges, to, signal);
    await this.#disk.copyFile(source.path, to);
    const found = (await stat(to)).size;
    if (found !== size) {
      throw new NearbitsError('E_IO', `the file to be cached has ${found} bytes instead of ${size}: it was changed`);
    }
  }

  async #moveIn(temporary: string, id: RecordId): Promise<void> {
    const path = this.pathOf(id);
    const dir = join(path, '..');
    const isNew = (await mkdir(dir, { recursive: true, mode: 0o700 })) !== undefined;
    if (isNew) await this.#disk.syncDirectory(this.#content());
    await this.#disk.rename(temporary, path);
    await this.#disk.syncDirectory(dir);
  }

  async #removeDoomed(): Promise<void> {
    // One after the other, so that a cleared cache does not keep every thread of the pool busy.
    for (const id of this.#doomed.keys()) {
      await this.#discard(this.pathOf(id));
      this.#doomed.delete(id);
    }
    this.#removing = null;
  }

  // A file that cannot be removed harms nobody: no record names it, and the next start tries again.
  async #discard(path: string): Promise<void> {
    try {
      await this.#disk.remove(path);
    } catch (error) {
      this.#log.warn({ path, error: String(error) }, 'a file of the cache could not be removed');
    }
  }

  #incoming(): string {
    return join(this.#dir, 'incoming');
  }

  #content(): string {
    return join(this.#dir, 'content');
  }
}

/** Opens a content file for reading; null when it is not there. */
export async function openContent(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function readLayout(path: string): Promise<number> {
  try {
    const layout = Number((await readFile(path, 'utf8')).trim());
    // Garbage says nothing about the layout; the records are checked one by one in any case.
    return Number.isSafeInteger(layout) && layout > 0 ? layout : 0;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
