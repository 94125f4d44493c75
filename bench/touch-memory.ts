import { spawnSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';

const MIB = 1024 ** 2;

/** So many times its bytes a fetch writes: the file, its copy in the cache, and a little more. */
export const WRITTEN = 2.2;

/** Lets every program find memory for its file that the machine just used, and a disk that has nothing left to write. */
export async function touchMemory(path: string, bytes: number): Promise<void> {
  const block = Buffer.alloc(MIB, 1);
  const file = await open(path, 'w');
  for (let at = 0; at < bytes; at += MIB) await file.write(block, 0, MIB, at);
  await file.close();
  await rm(path);
  spawnSync('sync');
}
