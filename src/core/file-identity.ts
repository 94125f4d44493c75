import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** What changes whenever somebody replaces, cuts, writes or touches a file. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The identity of an open file. */
export async function identityOf(file: FileHandle): Promise<FileIdentity> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
  return { dev, ino, size, mtimeNs, ctimeNs };
}

/** Whether nothing happened to the file between the two looks at it, as far as the file system tells. */
export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

/**
 * What a sealed file keeps when it is renamed, so that it is known again at its destination. The device is not part of
 * it, because its number may be another one after a restart of the machine.
 */
export interface SealMark {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** Whether a file that was found is the one that was sealed, unchanged. */
export function bearsMark(found: BigIntStats | null, mark: SealMark): boolean {
  return found !== null && found.ino === mark.ino && found.size === mark.size && found.mtimeNs === mark.mtimeNs;
}
