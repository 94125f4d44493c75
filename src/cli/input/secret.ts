import { NearbitsError } from '../../core/errors.ts';
import type { CommandContext } from '../context.ts';
import { readNamedFile } from './read-file.ts';

/** A little more than the longest password that the node takes. */
const MAX_SECRET_BYTES = 70_000;

/**
 * A secret from a file, from standard input, or typed unseen. It never stands on the command line, where other users see
 * it. The line end after it does not belong to it.
 * @throws NearbitsError E_INVALIDARG when there is none; E_CANCELLED when the typing is broken off.
 */
export async function readSecret(context: CommandContext, prompt: string, file?: string): Promise<string> {
  const text =
    file === undefined ? await context.io.readSecret(prompt) : await readNamedFile(context, file, MAX_SECRET_BYTES);
  const secret = text.replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new NearbitsError('E_INVALIDARG', 'no secret was given', {
    hint: 'Type it, or let standard input or a file hold it.',
  });
}
