import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { ensurePrivateDir } from '../platform/disk.ts';
import { writeFileAtomically } from '../platform/write-file.ts';
import { readPrivateFile } from './private-file.ts';

const FILE_NAME = 'secret.key';
const KEY_BYTES = 32;
/** 96 bits, as NIST SP 800-38D section 8.2.2 wants for random nonces; one key then seals up to 2^32 values. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/** Names the form of a sealed value, so that a later form can be told from it. */
const PREFIX = 'v1.';

/** What a vault works with. */
export interface VaultDeps {
  /** Is told when the key file was open to other users; never told a secret. */
  readonly log: Logger;
}

/**
 * Keeps secrets readable for this node only: passwords, tokens and keys of jobs lie sealed in the store, and the one key
 * that opens them lies in a file of its own (`secret.key`, mode 0600). Whoever gets a copy of the store without that file
 * has nothing.
 */
export class Vault {
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
  }

  /**
   * Reads the key from the data directory, or makes one there. Not to be called by two processes for a fresh directory
   * at once: the lock of the database keeps them apart.
   * @throws NearbitsError E_CONFIG when the file is no key; it is never replaced, because that would lose all secrets. E_IO when it cannot be read or written.
   */
  static async open({ log }: VaultDeps, { dataDir }: { readonly dataDir: string }): Promise<Vault> {
    const path = join(dataDir, FILE_NAME);
    const known = await readPrivateFile({ log }, path, KEY_BYTES);
    if (known !== null && known.length !== KEY_BYTES) throw noKey(path, known.length);
    return new Vault(createSecretKey(known ?? (await makeKey(dataDir, path))));
  }

  /**
   * Seals a text with AES-256-GCM under a nonce of its own. `context` says what the text is, such as the job and the
   * field it belongs to: a sealed value that is moved to another place does not open there.
   */
  seal(text: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(PREFIX + context));
    const body = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return PREFIX + body.toString('base64url');
  }

  /**
   * Opens what {@link seal} made for the same context.
   * @throws NearbitsError E_CONFIG when the value was changed, belongs elsewhere, or was sealed with another key.
   */
  unseal(sealed: string, context: string): string {
    const body = Buffer.from(sealed.slice(PREFIX.length), 'base64url');
    if (!sealed.startsWith(PREFIX) || body.length < NONCE_BYTES + TAG_BYTES) throw doesNotOpen('it has no known form');
    const end = body.length - TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, this.#key, body.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(PREFIX + context));
    decipher.setAuthTag(body.subarray(end));
    try {
      return decipher.update(body.subarray(NONCE_BYTES, end), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw doesNotOpen('it was changed, or it was sealed with another key', cause);
    }
  }
}

async function makeKey(dataDir: string, path: string): Promise<Uint8Array> {
  const key = randomBytes(KEY_BYTES);
  try {
    await ensurePrivateDir(dataDir);
    await writeFileAtomically(path, key, 0o600);
    return key;
  } catch (cause) {
    throw new NearbitsError('E_IO', `${path} cannot be written`, { cause });
  }
}

function noKey(path: string, size: number): NearbitsError {
  return new NearbitsError('E_CONFIG', `${path} is no key: it has ${size} bytes instead of ${KEY_BYTES}`, {
    details: { path, size },
    hint: 'Restore it from a backup, or move it away: a new key is made then, and the credentials of jobs have to be set again.',
  });
}

function doesNotOpen(reason: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_CONFIG', `a stored secret does not open: ${reason}`, {
    cause,
    hint: `Was ${FILE_NAME} in the data directory replaced? Restore it from a backup, or set the credentials of the job again.`,
  });
}
