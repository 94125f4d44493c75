import { chmod, mkdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/observe/log.ts';
import { Users } from '../../../src/security/users.ts';
import { recordingLogger } from '../../support/recording-logger.ts';
import { tempDir } from '../../support/temp-dir.ts';

let temp: Awaited<ReturnType<typeof tempDir>>;
let dataDir: string;
let file: string;
let folder: string;

beforeEach(async () => {
  temp = await tempDir();
  dataDir = join(temp.path, 'data');
  file = join(dataDir, 'users.json');
  folder = join(await realpath(temp.path), 'incoming');
  await mkdir(folder);
});
afterEach(() => temp[Symbol.asyncDispose]());

const open = (log = silentLogger) => Users.open({ log }, { dataDir, ownerName: 'owner' });
const anna = () => ({ name: 'anna', administrator: false, folders: [folder] });

async function damage(
  change: (document: { version: number; users: Record<string, unknown>[] }) => void,
): Promise<void> {
  const document = JSON.parse(await readFile(file, 'utf8'));
  change(document);
  await writeFile(file, JSON.stringify(document));
}

describe('users', () => {
  it('are known by the token they got, also after a restart', async () => {
    const users = await open();
    const { token } = await users.add(anna());
    expect(token).toMatch(/^nbu_[A-Za-z0-9_-]{43}$/);
    expect(await users.find(token)).toEqual({ name: 'anna', administrator: false, folders: [folder] });
    expect(await (await open()).find(token)).toMatchObject({ name: 'anna' });
    expect(await users.find(`${token}x`)).toBeNull();
    expect(await users.find('')).toBeNull();
  });

  it('keep no token, in a file that only the owner reads', async () => {
    const { token } = await (await open()).add(anna());
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain(token);
    expect(text).not.toContain(token.slice(4));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify((await open()).list())).not.toContain('okenSha');
  });

  it('are worth nothing once they are removed, for a node that runs already too', async () => {
    const running = await open();
    const command = await open();
    const { token } = await command.add(anna());
    expect(await running.find(token)).toMatchObject({ name: 'anna' });
    await command.remove('ANNA');
    expect(await running.find(token)).toBeNull();
    expect(running.list()).toEqual([]);
    await expect(command.remove('anna')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('see a change by many look-ups at the same time once', async () => {
    const running = await open();
    const { token } = await (await open()).add(anna());
    const found = await Promise.all(Array.from({ length: 20 }, () => running.find(token)));
    expect(found.every((caller) => caller?.name === 'anna')).toBe(true);
  });

  it('may write anywhere when they are administrators without a folder', async () => {
    const users = await open();
    const { token } = await users.add({ name: 'root2', administrator: true, folders: [] });
    expect(await users.find(token)).toEqual({ name: 'root2', administrator: true, folders: null });
    const fenced = await users.add({ name: 'root3', administrator: true, folders: [folder] });
    expect(await users.find(fenced.token)).toMatchObject({ folders: [folder] });
  });

  it.each(['', '.a', '-a', 'a b', 'a/b', 'a\n', 'ä', 'a'.repeat(65), 'owner', 'Owner', 'anna', 'ANNA'])(
    'cannot be called %j here',
    async (name) => {
      const users = await open();
      await users.add(anna());
      await expect(users.add({ ...anna(), name })).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
      expect(users.list()).toHaveLength(1);
    },
  );

  it.each(['a', 'Anna.B-c_9@example.org', 'a'.repeat(64)])('can be called %j', async (name) => {
    await expect((await open()).add({ ...anna(), name })).resolves.toMatchObject({ user: { name } });
  });

  it('cannot have the name of the one who runs the node', async () => {
    const users = await Users.open({ log: silentLogger }, { dataDir });
    await expect(users.add({ ...anna(), name: userInfo().username })).rejects.toThrow(/owner of the node/);
  });

  it('need folders that exist, resolved to their true place', async () => {
    const users = await open();
    const link = join(temp.path, 'link');
    await symlink(folder, link);
    const plain = join(temp.path, 'file');
    await writeFile(plain, '');
    const { user } = await users.add({ ...anna(), folders: [link, folder] });
    expect(user.folders).toEqual([folder]);
    for (const folders of [[], ['incoming'], [join(temp.path, 'missing')], [plain]]) {
      await expect(users.add({ name: 'bob', administrator: false, folders })).rejects.toMatchObject({
        code: 'E_INVALID_ARGUMENT',
      });
    }
  });

  it('never get the data directory, what lies in it, or what holds it', async () => {
    const users = await open();
    await users.add(anna());
    await mkdir(join(dataDir, 'jobs'));
    const link = join(folder, 'shortcut');
    await symlink(dataDir, link);
    for (const bad of [dataDir, join(dataDir, 'jobs'), temp.path, '/', link]) {
      await expect(users.add({ name: 'bob', administrator: false, folders: [bad] })).rejects.toThrow(/data directory/);
    }
  });

  it('are limited in number', async () => {
    const users = await open();
    await users.add(anna());
    await damage((document) => {
      const [first] = document.users;
      document.users = Array.from({ length: 1000 }, (_, index) => ({
        ...first,
        name: `u${index}`,
        tokenSha256: index.toString(16).padStart(64, '0'),
      }));
    });
    await expect(users.add(anna())).rejects.toThrow(/1000 users already/);
  });
});

describe('a file of users that cannot be used', () => {
  const cases: [string, (document: { version: number; users: Record<string, unknown>[] }) => void, string][] = [
    ['of another version', (it) => Object.assign(it, { version: 2 }), 'version'],
    ['with a strange field', (it) => Object.assign(it.users[0] ?? {}, { password: 'x' }), 'users.0'],
    ['with a strange name', (it) => Object.assign(it.users[0] ?? {}, { name: '../x' }), 'users.0.name'],
    ['with the name of the owner', (it) => Object.assign(it.users[0] ?? {}, { name: 'OWNER' }), 'OWNER'],
    ['with a relative folder', (it) => Object.assign(it.users[0] ?? {}, { folders: ['x'] }), 'users.0.folders.0'],
    ['with no folder', (it) => Object.assign(it.users[0] ?? {}, { folders: [] }), 'no folder'],
    [
      'with a token instead of its digest',
      (it) => Object.assign(it.users[0] ?? {}, { tokenSha256: 'nbu_x' }),
      'users.0.tokenSha256',
    ],
    ['with a name twice', (it) => it.users.push({ ...it.users[0], name: 'Anna' }), 'twice'],
    ['with a token twice', (it) => it.users.push({ ...it.users[0], name: 'bob' }), 'the token of another'],
  ];

  it.each(cases)('%s is refused, naming file and problem', async (_, change, problem) => {
    await (await open()).add(anna());
    await damage(change);
    const error = await open().then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'E_CONFIG', details: { path: file } });
    expect(error.message).toContain(file);
    expect(error.message).toContain(problem);
  });

  it.each(['', '{', '[]', 'null', 'x'.repeat(17 * 2 ** 20)])('is refused (%#)', async (text) => {
    await (await open()).add(anna());
    await writeFile(file, text);
    await expect(open()).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('leaves a running node with the users it knew, told once, until it is mended', async () => {
    const { log, lines } = recordingLogger();
    const running = await open(log);
    const { token } = await (await open()).add(anna());
    const good = await readFile(file, 'utf8');
    expect(await running.find(token)).not.toBeNull();
    await writeFile(file, 'damaged');
    expect(await running.find(token)).toMatchObject({ name: 'anna' });
    expect(await running.find(token)).toMatchObject({ name: 'anna' });
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).toContain('is not JSON');
    await writeFile(file, good.replace('"anna"', '"berta"'));
    expect(await running.find(token)).toMatchObject({ name: 'berta' });
  });

  it('is closed to other users when it was open', async () => {
    await (await open()).add(anna());
    await chmod(file, 0o644);
    await open();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('that is gone means no users', async () => {
    const running = await open();
    const { token } = await running.add(anna());
    await rm(file);
    expect(await running.find(token)).toBeNull();
  });
});
