import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { ensurePrivateDir } from '../platform/disk.ts';
import { writeFileAtomically } from '../platform/write-file.ts';
import { readPrivateFile } from './private-file.ts';

/** Users a node can have; each look-up compares with all of them. */
export const MAX_USERS = 1000;
/** Folders one user can have. */
export const MAX_FOLDERS = 100;
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** A name as mail addresses and login names have it; nothing that looks odd in a log or on a terminal. */
export const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

const UserRecord = z
  .strictObject({
    name: z.string().regex(USER_NAME),
    administrator: z.boolean(),
    folders: z.array(z.string().max(4096).refine(isAbsolute, 'is not an absolute path')).max(MAX_FOLDERS),
    tokenSha256: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .refine(({ administrator, folders }) => administrator || folders.length > 0, 'has no folder and is no administrator');

/** One user as the file keeps it: of the token only the digest. */
export type UserRecord = z.output<typeof UserRecord>;

const UsersDocument = z.strictObject({
  version: z.literal(1),
  users: z.array(UserRecord).max(MAX_USERS),
});

/** `users.json` of a data directory, readable for its owner only. */
export class UsersFile {
  readonly path: string;
  readonly #dataDir: string;
  readonly #ownerName: string;
  readonly #log: Logger;

  constructor(deps: { readonly log: Logger }, options: { readonly dataDir: string; readonly ownerName: string }) {
    this.path = join(options.dataDir, 'users.json');
    this.#dataDir = options.dataDir;
    this.#ownerName = options.ownerName;
    this.#log = deps.log;
  }

  /** All users; none when there is no file. @throws NearbitsError E_CONFIG naming the file and what is wrong in it, E_IO. */
  async read(): Promise<readonly UserRecord[]> {
    const bytes = await readPrivateFile({ log: this.#log }, this.path, MAX_FILE_BYTES);
    if (bytes === null) return [];
    if (bytes.length > MAX_FILE_BYTES) throw this.#damaged(`it has more than ${MAX_FILE_BYTES} bytes`);
    const parsed = UsersDocument.safeParse(this.#parseJson(bytes.toString('utf8')));
    if (!parsed.success) throw this.#damaged(parsed.error.issues.map(printIssue).join('; '));
    const { users } = parsed.data;
    const problem = conflictIn(users, this.#ownerName);
    if (problem !== null) throw this.#damaged(problem);
    return users;
  }

  /** Replaces the file as one step. @throws NearbitsError E_IO */
  async write(users: readonly UserRecord[]): Promise<void> {
    try {
      await ensurePrivateDir(this.#dataDir);
      await writeFileAtomically(this.path, `${JSON.stringify({ version: 1, users }, null, 2)}\n`, 0o600);
    } catch (cause) {
      throw new NearbitsError('E_IO', `${this.path} cannot be written`, { cause });
    }
  }

  #parseJson(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#damaged('it is not JSON'); // the message of the parser could repeat a part of the file
    }
  }

  #damaged(problem: string): NearbitsError {
    return new NearbitsError('E_CONFIG', `${this.path} cannot be used: ${problem}`, {
      details: { path: this.path },
      hint: 'Mend it, or move it away and add the users again with "nearbits user add".',
    });
  }
}

function printIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
}

/** What makes it unclear who a name or a token means, or null. */
function conflictIn(users: readonly UserRecord[], ownerName: string): string | null {
  const names = new Set([ownerName.toLowerCase()]);
  const tokens = new Set<string>();
  for (const { name, tokenSha256 } of users) {
    if (names.has(name.toLowerCase())) return `the name ${name} is there twice, or is that of the node's owner`;
    if (tokens.has(tokenSha256)) return `the user ${name} has the token of another one`;
    names.add(name.toLowerCase());
    tokens.add(tokenSha256);
  }
  return null;
}
