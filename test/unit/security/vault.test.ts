import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/observe/log.ts';
import { Vault } from '../../../src/security/vault.ts';
import { recordingLogger } from '../../support/recording-logger.ts';
import { tempDir } from '../../support/temp-dir.ts';

let temp: Awaited<ReturnType<typeof tempDir>>;
let dataDir: string;
let keyFile: string;

beforeEach(async () => {
  temp = await tempDir();
  dataDir = join(temp.path, 'data');
  keyFile = join(dataDir, 'secret.key');
});
afterEach(() => temp[Symbol.asyncDispose]());

const open = () => Vault.open({ log: silentLogger }, { dataDir });

describe('the vault', () => {
  it('opens what it sealed, also after a restart', async () => {
    const sealed = (await open()).seal('pässword', 'job 1 SERVER BASIC');
    expect(sealed).toMatch(/^v1\.[A-Za-z0-9_-]+$/);
    expect((await open()).unseal(sealed, 'job 1 SERVER BASIC')).toBe('pässword');
  });

  it('keeps its key in a file of 32 bytes that only the owner reads', async () => {
    await open();
    const { mode, size } = await stat(keyFile);
    expect(mode & 0o777).toBe(0o600);
    expect(size).toBe(32);
  });

  it('never seals the same text in the same way', async () => {
    const vault = await open();
    expect(vault.seal('a', 'c')).not.toBe(vault.seal('a', 'c'));
  });

  it('gives back every text', async () => {
    const vault = await open();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, context) => {
        expect(vault.unseal(vault.seal(text, context), context)).toBe(text);
      }),
    );
  });

  it('does not open a value in another place', async () => {
    const vault = await open();
    const sealed = vault.seal('secret', 'job 1');
    expect(() => vault.unseal(sealed, 'job 2')).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });

  it('notices each changed byte', async () => {
    const vault = await open();
    const sealed = vault.seal('secret', 'job 1');
    const body = Buffer.from(sealed.slice(3), 'base64url');
    for (let at = 0; at < body.length; at++) {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => vault.unseal(`v1.${changed.toString('base64url')}`, 'job 1')).toThrow(/does not open/);
    }
  });

  it.each(['', 'v1.', 'v2.AAAA', 'v1.AAAA', 'secret'])('refuses %j, which it never made', async (value) => {
    const vault = await open();
    expect(() => vault.unseal(value, '')).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });

  it('refuses values of a lost key and says what to do', async () => {
    const sealed = (await open()).seal('secret', 'job 1');
    await rm(keyFile);
    const other = await open();
    expect(() => other.unseal(sealed, 'job 1')).toThrow(
      expect.objectContaining({
        code: 'E_CONFIG',
        hint: expect.stringContaining('set the credentials of the job again'),
      }),
    );
  });

  it('tells no secret when it fails', async () => {
    const vault = await open();
    const sealed = vault.seal('hunter2', 'job 1');
    try {
      vault.unseal(sealed, 'job 2');
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toContain(sealed.slice(3));
    }
  });

  it.each([0, 31, 33, 5000])('refuses a key file of %i bytes and leaves it alone', async (size) => {
    await open();
    await writeFile(keyFile, Buffer.alloc(size, 1));
    await expect(open()).rejects.toMatchObject({ code: 'E_CONFIG', hint: expect.stringContaining('backup') });
    expect(await readFile(keyFile)).toHaveLength(size);
  });

  it('closes a key file that others could read, and warns', async () => {
    const sealed = (await open()).seal('a', 'c');
    await chmod(keyFile, 0o644);
    const { log, lines } = recordingLogger();
    const vault = await Vault.open({ log }, { dataDir });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(lines).toMatchObject([{ level: 40, path: keyFile, mode: '644' }]);
    expect(vault.unseal(sealed, 'c')).toBe('a');
  });
});
