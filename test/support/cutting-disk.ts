import { rename, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Disk, nodeDisk } from '../../src/cache/disk.ts';
import type { ByteRange } from '../../src/core/byte-range.ts';

/** Where the power goes: just before a step, or just after it, when what it wrote is not synced. */
export type CutMoment = 'before' | 'after';

/**
 * The machine's disk until the power is cut at one chosen step; from then on
 * every step fails. What was not synced by then is lost, as a file system may lose
 * it: contents become half as long, renames are undone.
 */
export class CuttingDisk implements Disk {
  /** Steps done so far. */
  steps = 0;
  readonly #cutAt: number;
  readonly #moment: CutMoment;
  readonly #onCut: () => Promise<void>;
  readonly #unsyncedFiles = new Set<string>();
  readonly #unsyncedRenames = new Map<string, string>();
  #cut: Promise<void> | null = null;

  /** `onCut` stops everything else that would survive the power in a test: the database. */
  constructor(options: { readonly cutAt: number; readonly moment: CutMoment; readonly onCut: () => Promise<void> }) {
    this.#cutAt = options.cutAt;
    this.#moment = options.moment;
    this.#onCut = options.onCut;
  }

  get isCut(): boolean {
    return this.#cut !== null;
  }

  copyFile(from: string, to: string): Promise<void> {
    return this.#step(() => this.#written(to, () => nodeDisk.copyFile(from, to)));
  }

  copyRanges(from: string, ranges: readonly ByteRange[], to: string, signal: AbortSignal): Promise<void> {
    return this.#step(() => this.#written(to, () => nodeDisk.copyRanges(from, ranges, to, signal)));
  }

  syncFile(path: string): Promise<void> {
    return this.#step(async () => {
      await nodeDisk.syncFile(path);
      this.#unsyncedFiles.delete(path);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#step(async () => {
      await nodeDisk.rename(from, to);
      if (this.#unsyncedFiles.delete(from)) this.#unsyncedFiles.add(to);
      this.#unsyncedRenames.set(to, from);
    });
  }

  syncDirectory(dir: string): Promise<void> {
    return this.#step(async () => {
      await nodeDisk.syncDirectory(dir);
      for (const to of this.#unsyncedRenames.keys()) if (dirname(to) === dir) this.#unsyncedRenames.delete(to);
    });
  }

  remove(path: string): Promise<void> {
    return this.#step(async () => {
      await nodeDisk.remove(path);
      this.#unsyncedFiles.delete(path);
      this.#unsyncedRenames.delete(path);
    });
  }

  async freeBytes(dir: string): Promise<number> {
    if (this.#cut !== null) throw new Error('the power is off');
    return nodeDisk.freeBytes(dir);
  }

  async #written(path: string, write: () => Promise<void>): Promise<void> {
    this.#unsyncedFiles.add(path);
    await write();
  }

  async #step(run: () => Promise<void>): Promise<void> {
    if (this.#cut !== null) throw new Error('the power is off');
    const isLast = this.steps++ === this.#cutAt;
    if (isLast && this.#moment === 'before') await this.#cutPower();
    await run();
    if (isLast) await this.#cutPower();
  }

  async #cutPower(): Promise<never> {
    this.#cut = this.#lose();
    await this.#cut;
    throw new Error('the power was cut');
  }

  async #lose(): Promise<void> {
    await this.#onCut();
    for (const path of this.#unsyncedFiles) await truncate(path, Math.floor((await stat(path)).size / 2));
    for (const [to, from] of this.#unsyncedRenames) await rename(to, from);
  }
}
