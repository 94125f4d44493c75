import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk that is as small as a test needs it: a tmpfs of its own, gone at the end of the block. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws Error when this process may not mount; see {@link whyNoSmallDisk}. */
  static mount(bytes: number, mode: 'rw' | 'ro' = 'rw'): SmallDisk {
    const path = mkdtempSync(join(tmpdir(), 'nearbits-disk-'));
    const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `${mode},size=${bytes}`, 'tmpfs', path]);
    if (status === 0) return new SmallDisk(path);
    rmdirSync(path);
    throw new Error(error?.message ?? stderr.toString().trim());
  }

  /** Fills what is free; the returned function frees it again. */
  async fill(): Promise<() => Promise<void>> {
    const path = join(this.path, 'somebody-elses-file');
    await using file = await open(path, 'w');
    const block = Buffer.alloc(4096);
    let free = true;
    while (free) free = await file.write(block).then(({ bytesWritten }) => bytesWritten > 0, isNotFull);
    return () => rm(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily, since the kernel may still be writing.
    spawnSync('umount', ['-l', this.path]);
    rmdirSync(this.path);
  }
}

/** Why tests that need a disk of their own cannot run here, or null. Told once, so that nobody takes skipped for passed. */
export function whyNoSmallDisk(): string | null {
  if (process.platform !== 'linux') return 'only Linux has tmpfs';
  try {
    const disk = SmallDisk.mount(65_536);
    void disk[Symbol.asyncDispose]();
    return null;
  } catch (error) {
    return `a small disk cannot be mounted (${(error as Error).message}); run the tests as root`;
  }
}

function isNotFull(error: NodeJS.ErrnoException): boolean {
  if (error.code === 'ENOSPC') return false;
  throw error;
}
