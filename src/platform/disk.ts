import { access, constants, mkdir, statfs } from 'node:fs/promises';

/** Size and room of a file system, in bytes. */
export interface DiskSpace {
  readonly totalBytes: number;
  /** What this process may still use; less than what is free where the system keeps a reserve for root. */
  readonly freeBytes: number;
}

/** Size and room of the file system that holds `dir`, which must exist. */
export async function diskSpace(dir: string): Promise<DiskSpace> {
  const stats = await statfs(dir);
  return { totalBytes: stats.blocks * stats.bsize, freeBytes: stats.bavail * stats.bsize };
}

/** Makes a directory that only its owner may enter, and checks that files can be created in it. */
export async function ensurePrivateDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
}
