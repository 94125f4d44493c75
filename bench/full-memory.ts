import { readFileSync, truncateSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';

const MIB = 1024 ** 2;
/** This much is left free when the memory is filled. */
const LEFT_FREE = 1024 * MIB;
/** When less than this is free, more is given up. */
const LOW = 768 * MIB;
const STEP = 256 * MIB;
const LOOK_EVERY_MS = 50;

/**
 * Fills the memory of this computer with the pages of one empty file and gives them up as others need memory. A virtual
 * machine returns to its host what is free for some seconds, and each page it takes anew costs as much as writing it ten
 * times: programs that write more than the machine just used would be measured by that.
 */
export class FullMemory implements AsyncDisposable {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #bytes: number;

  private constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
    this.#timer = setInterval(() => this.#giveUp(), LOOK_EVERY_MS);
  }

  /** Fills it; `path` is a file that may be made. */
  static async fill(path: string): Promise<FullMemory> {
    const bytes = Math.max(0, freeBytes() - LEFT_FREE);
    const file = await open(path, 'w+');
    const block = Buffer.alloc(MIB);
    // What is read of a hole takes a page for each 4 KiB, and nothing on the disk.
    await file.truncate(bytes);
    for (let at = 0; at < bytes; at += MIB) await file.read(block, 0, MIB, at);
    await file.close();
    return new FullMemory(path, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await rm(this.#path);
  }

  #giveUp(): void {
    if (this.#bytes === 0 || freeBytes() >= LOW) return;
    this.#bytes = Math.max(0, this.#bytes - STEP);
    truncateSync(this.#path, this.#bytes);
  }
}

function freeBytes(): number {
  const [, kib = '0'] = /^MemFree:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(kib) * 1024;
}
