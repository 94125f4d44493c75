import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../core/errors.ts';

// The last 8 bytes of every LevelDB table file (its format document, table/format.h).
const TABLE_MAGIC = Buffer.from('57fb808b247547db', 'hex');

/**
 * Names what is missing from a LevelDB directory that has data but no CURRENT
 * file; null when nothing is. LevelDB would take it for a new, empty database.
 */
export async function findLostStart(dir: string): Promise<string | null> {
  const names = await namesIn(dir);
  if (names.includes('CURRENT')) return null;
  return names.some((name) => /^\d+\.(ldb|sst|log)$/.test(name)) ? 'the file CURRENT is missing' : null;
}

/**
 * Names what is wrong with the files of a LevelDB directory, null when nothing
 * is seen. Needed because LevelDB reports a cut table or a missing manifest and
 * a full file table or missing rights with the same code, and only the first
 * two mean that the data are lost. Not for a directory that was never opened
 * since a crash: LevelDB first removes the half-written tables itself.
 */
export async function findDamage(dir: string): Promise<string | null> {
  const lost = await findLostStart(dir);
  if (lost !== null) return lost;
  const names = await namesIn(dir);
  if (!names.includes('CURRENT')) return null;
  const manifest = (await readFile(join(dir, 'CURRENT'), 'utf8')).trim();
  if (!names.includes(manifest)) return `the file ${manifest.slice(0, 40)} is missing`;
  for (const name of names.filter((each) => /\.(ldb|sst)$/.test(each))) {
    if (!(await endsAsTable(join(dir, name)))) return `the file ${name} is cut or overwritten`;
  }
  return null;
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function endsAsTable(path: string): Promise<boolean> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size < TABLE_MAGIC.length) return false;
  const { buffer } = await file.read(
    Buffer.alloc(TABLE_MAGIC.length),
    0,
    TABLE_MAGIC.length,
    size - TABLE_MAGIC.length,
  );
  return buffer.equals(TABLE_MAGIC);
}
