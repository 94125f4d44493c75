import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { NearbitsError, systemErrorCode } from '../../core/errors.ts';
import type { CommandContext } from '../context.ts';

/**
 * The text of a file that was named on the command line, or of standard input for `-`.
 * @throws NearbitsError E_INVALIDARG when it cannot be read or has more than `maxBytes`.
 */
export async function readNamedFile({ io }: CommandContext, name: string, maxBytes: number): Promise<string> {
  if (name === '-') {
    const text = await io.readInput();
    if (Buffer.byteLength(text) > maxBytes) throw tooLarge('standard input', maxBytes);
    return text;
  }
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of createReadStream(resolve(io.workingDir, name)) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge(name, maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    const reason = systemErrorCode(error);
    if (error instanceof NearbitsError || reason === undefined) throw error;
    throw new NearbitsError('E_INVALIDARG', `${name} cannot be read (${reason})`, { cause: error });
  }
}

function tooLarge(name: string, maxBytes: number): NearbitsError {
  return new NearbitsError('E_INVALIDARG', `${name} has more than ${maxBytes} bytes`);
}
