import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Caller } from '../core/caller.ts';
import { NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { localOwner } from '../platform/local-owner.ts';
import { resolveFolders } from './folders.ts';
import { MAX_FOLDERS, MAX_USERS, USER_NAME, type UserRecord, UsersFile } from './users-file.ts';

/** Says what the secret is when it is found somewhere it should not be. */
const TOKEN_PREFIX = 'nbu_';
const TOKEN_BYTES = 32;

/** A user to add. */
export interface NewUser {
  readonly name: string;
  readonly administrator: boolean;
  /** Absolute paths of folders that exist; administrators may do without: then they write wherever the node may. */
  readonly folders: readonly string[];
}

/** A user as others may see it. */
export type KnownUser = NewUser;

/** What the users work with. */
export interface UsersDeps {
  readonly log: Logger;
}

/** Where the users are kept. */
export interface UsersOptions {
  readonly dataDir: string;
  /** Name of the user the node belongs to, whom no other may be called like; the user of this process by default. */
  readonly ownerName?: string;
}

/**
 * The users of this machine that may use the node beside its owner, each with a token. They stand in `users.json`, which
 * "nearbits user" changes; a running node sees the change at its next look-up. One writer at a time.
 */
export class Users {
  readonly #file: UsersFile;
  readonly #options: Required<UsersOptions>;
  readonly #log: Logger;
  #records: readonly UserRecord[] = [];
  /** Which state of the file was read last, whether it was good or not. */
  #stamp = '';
  #reading: Promise<void> | null = null;

  private constructor(deps: UsersDeps, options: Required<UsersOptions>) {
    this.#file = new UsersFile(deps, options);
    this.#options = options;
    this.#log = deps.log;
  }

  /** @throws NearbitsError E_CONFIG when the file is damaged, naming it and the problem; E_IO when it cannot be read. */
  static async open(deps: UsersDeps, options: UsersOptions): Promise<Users> {
    const users = new Users(deps, { ownerName: localOwner().name, ...options });
    await users.#read();
    return users;
  }

  /** All users, in the order they were added. */
  list(): readonly KnownUser[] {
    return this.#records.map(({ name, administrator, folders }) => ({ name, administrator, folders }));
  }

  /**
   * Adds a user and returns the token, which is shown this once: only its digest is kept.
   * @throws NearbitsError E_INVALID_ARGUMENT for a name or folders that cannot be, E_CONFIG when the file is damaged, E_IO.
   */
  async add(user: NewUser): Promise<{ readonly token: string; readonly user: KnownUser }> {
    await this.#read();
    this.#checkName(user.name);
    if (this.#records.length >= MAX_USERS) throw invalid(`there are ${MAX_USERS} users already`);
    const folders = await this.#checkFolders(user);
    const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
    const { name, administrator } = user;
    const record = { name, administrator, folders, tokenSha256: digestOf(token).toString('hex') };
    await this.#write([...this.#records, record]);
    return { token, user: { name, administrator, folders } };
  }

  /** Removes a user; the token is worth nothing from then on. @throws NearbitsError E_NOT_FOUND, E_CONFIG, E_IO */
  async remove(name: string): Promise<void> {
    await this.#read();
    const left = this.#records.filter((user) => !sameName(user.name, name));
    if (left.length === this.#records.length) {
      throw new NearbitsError('E_NOT_FOUND', `there is no user "${name.slice(0, 80)}"`);
    }
    await this.#write(left);
  }

  /** Whose token it is, or null. What takes time does not depend on how much of a token was right. */
  async find(token: string): Promise<Caller | null> {
    await this.#readIfChanged();
    const given = digestOf(token);
    let found: UserRecord | null = null;
    for (const user of this.#records) {
      if (timingSafeEqual(given, Buffer.from(user.tokenSha256, 'hex'))) found = user;
    }
    if (found === null) return null;
    const { name, administrator, folders } = found;
    return { name, administrator, folders: folders.length === 0 ? null : folders };
  }

  /** A file that cannot be used is told once; until it is mended the users stay as they were. */
  async #readIfChanged(): Promise<void> {
    this.#reading ??= this.#readChange().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #readChange(): Promise<void> {
    if ((await stampOf(this.#file.path)) === this.#stamp) return;
    try {
      await this.#read();
    } catch (error) {
      this.#log.error({ err: toNearbitsError(error) }, 'the users cannot be read again and stay as they were');
    }
  }

  async #read(): Promise<void> {
    // Looked at before the file is read: a change in between is seen at the next look-up.
    this.#stamp = await stampOf(this.#file.path);
    this.#records = await this.#file.read();
  }

  async #write(records: readonly UserRecord[]): Promise<void> {
    await this.#file.write(records);
    await this.#read();
  }

  #checkName(name: string): void {
    if (!USER_NAME.test(name)) {
      throw invalid(`"${name.slice(0, 80)}" cannot be the name of a user`, {
        hint: 'Use 1 to 64 letters, digits, dots, dashes, underscores or @, beginning with a letter or digit.',
      });
    }
    if (sameName(name, this.#options.ownerName)) {
      throw invalid(`${name} is the owner of the node, who needs no token on its socket`);
    }
    if (this.#records.some((user) => sameName(user.name, name))) {
      throw invalid(`there is a user ${name} already`, {
        hint: `For a new token remove it first: nearbits user remove ${name}`,
      });
    }
  }

  async #checkFolders({ administrator, folders }: NewUser): Promise<string[]> {
    if (folders.length > MAX_FOLDERS) throw invalid(`a user can have ${MAX_FOLDERS} folders`);
    if (folders.length === 0 && !administrator) {
      throw invalid('a user that is no administrator needs a folder', {
        hint: 'The node writes with its own rights; name the folders that this user may write to with --folder DIR.',
      });
    }
    return await resolveFolders(folders, this.#options.dataDir);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Names differ in more than case, so that no user can pass for another one in a list. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Changes with the file: each write makes a new one under the same name. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs} ${size}`;
  } catch (error) {
    return systemErrorCode(error) ?? 'unreadable';
  }
}

function invalid(message: string, options: { readonly hint?: string } = {}): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', message, options);
}
