import { access, constants, lstat, stat, statfs } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import { printBytes } from '../core/units.ts';

/**
 * Makes sure that a finished file can be put at `path` before anything is fetched.
 * @throws NearbitsError E_DESTINATION, saying what is in the way.
 */
export async function checkDestination(path: string, overwrite: boolean): Promise<void> {
  if (!isAbsolute(path) || path.includes('\0')) throw refuse(path, 'is not an absolute path');
  await checkTarget(path, overwrite);
  await checkFolder(path);
}

async function checkTarget(path: string, overwrite: boolean): Promise<void> {
  const target = await ignoringAbsence(lstat(path), path);
  if (target === null) return;
  if (target.isDirectory()) throw refuse(path, 'is a directory', 'Name the file to write, such as DIRECTORY/file.iso.');
  if (!target.isFile() && !target.isSymbolicLink()) throw refuse(path, 'is neither a file nor a link');
  if (!overwrite)
    throw refuse(path, 'exists already', 'Use --overwrite to replace it, or choose another name with -o.');
}

async function checkFolder(path: string): Promise<void> {
  const folder = dirname(path);
  const info = await ignoringAbsence(stat(folder), path);
  if (info === null) throw refuse(path, 'lies in a folder that does not exist', `Create ${folder} first.`, 'ENOENT');
  if (!info.isDirectory()) throw refuse(path, `lies in ${folder}, which is not a directory`);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new NearbitsError('E_DESTINATION', `${folder} is not writable (${systemErrorCode(error)})`, { cause: error });
  }
}

/**
 * Makes sure that `bytes` more fit beside `path`.
 * @throws NearbitsError E_DISK_FULL with what is needed and what is there.
 */
export async function checkRoom(path: string, bytes: number): Promise<void> {
  const disk = await statfs(dirname(path));
  const free = disk.bavail * disk.bsize;
  if (bytes <= free) return;
  throw new NearbitsError(
    'E_DISK_FULL',
    `the file needs ${printBytes(bytes)} more, but ${printBytes(free)} are free in ${dirname(path)}`,
    {
      details: { neededBytes: bytes, freeBytes: free },
      hint: 'Free some space or choose a destination on another disk.',
    },
  );
}

async function ignoringAbsence<T>(lookup: Promise<T>, path: string): Promise<T | null> {
  try {
    return await lookup;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return null;
    throw new NearbitsError('E_DESTINATION', `${path} cannot be used (${code})`, { cause: error });
  }
}

function refuse(path: string, why: string, hint?: string, systemCode?: string): NearbitsError {
  return new NearbitsError('E_DESTINATION', `${path} ${why}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(systemCode === undefined ? {} : { details: { systemCode } }),
  });
}
