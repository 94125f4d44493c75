import { chmod, open } from 'node:fs/promises';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';

/** Everything that lets the group or others in. */
const OTHERS = 0o077;

/**
 * The bytes of a file that only its owner may read, or null when there is none. Of a file with more than `maxBytes` one
 * byte more is read, so that the caller sees that it is too large. A file that is open to others is closed to them, with
 * a warning: what it held may be known to them.
 * @throws NearbitsError E_IO when it cannot be read.
 */
export async function readPrivateFile(
  { log }: { readonly log: Logger },
  path: string,
  maxBytes: number,
): Promise<Buffer | null> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      await chmod(path, 0o600);
      log.warn({ path, mode: (mode & 0o777).toString(8) }, 'a secret file was open to other users; it is closed now');
    }
    const bytes = Buffer.alloc(Math.min(size, maxBytes) + 1);
    return bytes.subarray(0, await readFully(file, bytes));
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return null;
    throw new NearbitsError('E_IO', `${path} cannot be read`, { cause });
  }
}

async function readFully(file: Awaited<ReturnType<typeof open>>, into: Buffer): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
