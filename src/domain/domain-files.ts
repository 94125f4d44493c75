import { chmod, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import { ensurePrivateDir } from '../platform/disk.ts';
import { syncDirectory, writeFileAtomically } from '../platform/write-file.ts';

/** The files of a domain directory. A node is a member exactly when `node.pem` exists. */
export type DomainFile = 'ca.pem' | 'ca.key' | 'node.pem' | 'node.key' | 'crl.pem';

const MAX_FILE_BYTES: Record<DomainFile, number> = {
  'ca.pem': 64 * 1024,
  'ca.key': 64 * 1024,
  'node.pem': 64 * 1024,
  'node.key': 64 * 1024,
  // Lists of a large organisation hold some hundred thousand entries of about 40 bytes.
  'crl.pem': 32 * 1024 * 1024,
};

/**
 * Reads and writes the files of a domain directory. There is no moment at which a crash leaves a wrong membership: each
 * file is replaced as one step, and those who write several order them so that `node.pem`, the one that makes a member,
 * comes last and goes first.
 */
export class DomainFiles {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** The text of a file, or null when it does not exist. @throws NearbitsError E_DOMAIN when it cannot be used. */
  async read(name: DomainFile): Promise<string | null> {
    const path = join(this.dir, name);
    try {
      const { size, mode } = await stat(path);
      if (size > MAX_FILE_BYTES[name]) throw unusable(path, `it has ${size} bytes`);
      if (isKey(name) && process.platform !== 'win32' && (mode & 0o007) !== 0) {
        throw unusable(path, 'every user of this machine may read it', `Run: chmod 600 ${path}`);
      }
      return await readFile(path, 'utf8');
    } catch (error) {
      if (error instanceof NearbitsError) throw error;
      if (systemErrorCode(error) === 'ENOENT') return null;
      throw unusable(path, 'it cannot be read', undefined, error);
    }
  }

  /** Replaces a file as one step; keys are readable for their owner only. @throws NearbitsError E_IO, E_DISK_FULL */
  async write(name: DomainFile, text: string): Promise<void> {
    try {
      await ensurePrivateDir(this.dir);
      await writeFileAtomically(join(this.dir, name), text, isKey(name) ? 0o600 : 0o644);
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
  }

  /** Removes files in this order; those that do not exist are no failure. @throws NearbitsError E_IO */
  async remove(...names: readonly DomainFile[]): Promise<void> {
    try {
      for (const name of names) {
        await rm(join(this.dir, name), { force: true });
        await rm(join(this.dir, `${name}.tmp`), { force: true });
      }
      await syncDirectory(this.dir);
    } catch (error) {
      // Without the directory there is nothing to remove.
      if (systemErrorCode(error) !== 'ENOENT') throw toNearbitsError(error, 'E_IO');
    }
  }

  /** Closes the directory to other users, also one that was made by hand. @throws NearbitsError E_IO */
  async protect(): Promise<void> {
    try {
      await ensurePrivateDir(this.dir);
      await chmod(this.dir, 0o700);
    } catch (error) {
      throw toNearbitsError(error, 'E_IO');
    }
  }
}

function isKey(name: DomainFile): boolean {
  return name.endsWith('.key');
}

function unusable(path: string, what: string, hint?: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_DOMAIN', `${path} cannot be used: ${what}`, {
    cause,
    details: { path },
    ...(hint === undefined ? {} : { hint }),
  });
}
