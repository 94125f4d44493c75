import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';

/** Which programs may be run, and as what they are judged. */
export interface ProgramRules {
  /** The administrator's list: absolute paths. */
  readonly allowed: readonly string[];
  /** The number of the user who runs the node, or null on Windows, which has none. */
  readonly uid: number | null;
}

/** The program to run, or why it may not be. */
export type ProgramVerdict =
  /** `path` is the file itself without links; `name` is what the administrator calls it and what it sees as its own name. */
  { readonly path: string; readonly name: string } | { readonly refused: string };

const GROUP_OR_OTHERS_WRITE = 0o022;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * Judges the program of a notify command. Commands of jobs are a known way to run foreign code and to stay on a machine
 * (MITRE ATT&CK T1197), so a program runs only when all of this holds:
 * 1. its path is absolute and leads to the same file as a path of the administrator's list;
 * 2. that file is a regular one, owned by root or by the node's user, and nobody else may write to it;
 * 3. the folders above the file, and above the path on the list, belong to root or the node's user, and no others may
 *    exchange what lies in them (they are not writable by all, or sticky).
 * On Windows only the first is checked: rights there are lists that Node cannot read.
 */
export async function judgeProgram(program: string, rules: ProgramRules): Promise<ProgramVerdict> {
  if (!isAbsolute(program)) return { refused: 'the path of the program is not absolute' };
  const path = await resolved(program);
  if (path === null) return { refused: 'the program does not exist' };
  const name = await nameOnList(program, path, rules.allowed);
  if (name === null) return { refused: 'the program is not on the list of the administrator' };
  if (rules.uid === null) return { path, name };
  const refused = (await faultOfFile(path, rules.uid)) ?? (await faultOfFolders([path, name], rules.uid));
  return refused === null ? { path, name } : { refused };
}

// A user's own name for an allowed file is never used: programs such as busybox do what their name says.
async function nameOnList(program: string, path: string, allowed: readonly string[]): Promise<string | null> {
  const byName = allowed.filter((each) => each === program);
  for (const each of [...byName, ...allowed]) {
    if (isAbsolute(each) && (await resolved(each)) === path) return each;
  }
  return null;
}

async function faultOfFile(path: string, uid: number): Promise<string | null> {
  const stats = await stat(path);
  if (!stats.isFile()) return 'the program is not a regular file';
  if (stats.uid !== 0 && stats.uid !== uid) return "the program belongs neither to root nor to the node's user";
  return (stats.mode & GROUP_OR_OTHERS_WRITE) === 0 ? null : 'the program can be written to by others than its owner';
}

async function faultOfFolders(paths: readonly string[], uid: number): Promise<string | null> {
  for (const folder of new Set(paths.flatMap(foldersAbove))) {
    const { mode, uid: owner } = await stat(folder);
    const open = (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
    if (open || (owner !== 0 && owner !== uid)) return `others can exchange what lies in ${folder}`;
  }
  return null;
}

function foldersAbove(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...foldersAbove(parent)];
}

async function resolved(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch {
    return null;
  }
}
