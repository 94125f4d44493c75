import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';

/**
 * The folders of a user with every symbolic link resolved, without doubles. The data directory stays out of reach:
 * whoever could write there could make himself administrator.
 * @throws NearbitsError E_INVALID_ARGUMENT naming the folder that is relative, missing, no folder, or that holds or is part of the data directory.
 */
export async function resolveFolders(folders: readonly string[], dataDir: string): Promise<string[]> {
  const forbidden = await resolvedOr(dataDir);
  const resolved: string[] = [];
  for (const folder of folders) {
    const path = await resolveFolder(folder);
    if (isWithin(forbidden, path) || isWithin(path, forbidden)) {
      throw refused(folder, 'has to do with the data directory of the node, which nobody else may write to');
    }
    if (!resolved.includes(path)) resolved.push(path);
  }
  return resolved;
}

/** Whether a path is that folder or lies below it; both absolute and resolved. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way));
}

async function resolveFolder(folder: string): Promise<string> {
  if (!isAbsolute(folder)) throw refused(folder, 'is not an absolute path');
  try {
    const path = await realpath(folder);
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    throw refused(folder, systemErrorCode(error) === 'ENOENT' ? 'does not exist' : 'cannot be looked at', error);
  }
  throw refused(folder, 'is not a folder');
}

async function resolvedOr(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path; // the first command on a machine comes before its data directory
  }
}

function refused(folder: string, what: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `the folder ${folder.slice(0, 4096)} ${what}`, {
    cause,
    details: { folder },
    hint: 'Name folders that exist and hold nothing but what their user may overwrite.',
  });
}
