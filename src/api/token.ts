import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import { writeFileAtomically } from '../platform/write-file.ts';

/** A token shorter than this could be guessed. */
const MIN_TOKEN_LENGTH = 32;

/**
 * Reads the bearer token of the API over TCP, or makes one of 256 random bits in a file that only its owner reads.
 * @throws NearbitsError E_CONFIG when the file holds a short token, E_IO when it cannot be read or written.
 */
export async function loadOrCreateToken(file: string): Promise<string> {
  const known = await readToken(file);
  if (known === null) {
    const token = randomBytes(32).toString('base64url');
    await writeFileAtomically(file, `${token}\n`, 0o600);
    return token;
  }
  if (known.length >= MIN_TOKEN_LENGTH) return known;
  throw new NearbitsError('E_CONFIG', `the token in ${file} is shorter than ${MIN_TOKEN_LENGTH} characters`, {
    hint: 'Delete the file; the node makes a good one at the next start.',
  });
}

async function readToken(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw new NearbitsError('E_IO', `the token file ${file} cannot be read`, { cause: error });
  }
}

/** Compares without telling by its time how much was right. Both sides are hashed, which makes them equally long. */
export function isToken(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
