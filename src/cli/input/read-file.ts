import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { NearbitsError, systemErrorCode } from '../../core/errors.ts';
import type { CommandContext } from '../context.ts';

/**
 * The text of a file that was named on the command line, or of standard input for `-`.
 * @throws NearbitsError E_INVALIDARG when it cannot be read or has more than `maxBytes`.
 */
export async function readNamedFile({ io }: CommandContext, name: string, maxBytes: number): Promise<string> {
  if (name === '-') return within(await io.readInput(), 'standard input', maxBytes);
  try {
    await using file = await open(resolve(io.workingDir, name));
    // One byte more than allowed is enough to know; what the file says of its size is not always true.
    const buffer = Buffer.alloc(Math.min(maxBytes + 1, (await file.stat()).size + 65_536));
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    return within(buffer.toString('utf8', 0, length), name, maxBytes);
  } catch (error) {
    const reason = systemErrorCode(error);
    if (error instanceof NearbitsError || reason === undefined) throw error;
    throw new NearbitsError('E_INVALIDARG', `${name} cannot be read (${reason})`, { cause: error });
  }
}

function within(text: string, name: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  throw new NearbitsError('E_INVALIDARG', `${name} has more than ${maxBytes} bytes`);
}
