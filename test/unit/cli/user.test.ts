import { mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { CliMachine } from '../../support/cli-machine.ts';

let machine: CliMachine;

beforeEach(async () => {
  machine = await CliMachine.create();
  await mkdir(join(machine.dir, 'incoming'));
});
afterEach(() => machine[Symbol.asyncDispose]());

const wanted = ['get', 'http://127.0.0.1/f.bin', '-o', 'f.bin'];

async function addAnna(): Promise<string> {
  const { out } = await machine.run('user', 'add', 'anna', '--folder', 'incoming');
  return out.trim();
}

describe('nearbits user', () => {
  it('adds, lists and removes users without a running node', async () => {
    const { exit, out, err } = await machine.run('user', 'add', 'anna', '--folder', 'incoming');
    expect(exit).toBe(0);
    expect(out).toMatch(/^nbu_[\w-]{43}\n$/);
    expect(err).toContain('not shown again');
    const folder = await realpath(join(machine.dir, 'incoming'));
    const { value } = await machine.json('user', 'add', 'chief', '--administrator');
    expect(value).toMatchObject({ user: { name: 'chief', administrator: true, folders: [] } });
    expect((await machine.json('user', 'ls')).value).toEqual({
      users: [
        { name: 'anna', administrator: false, folders: [folder] },
        { name: 'chief', administrator: true, folders: [] },
      ],
    });
    expect((await machine.run('user', 'ls')).out).toBe(
      `anna   user           ${folder}\nchief  administrator  any folder\n`,
    );
    expect((await machine.json('user', 'remove', 'anna')).value).toEqual({ removed: 'anna' });
    expect((await machine.run('user', 'remove', 'anna')).exit).toBe(4);
    expect((await machine.json('user', 'ls')).value.users).toHaveLength(1);
    expect((await stat(join(machine.dir, 'data', 'users.json'))).mode & 0o777).toBe(0o600);
    expect(machine.started).toEqual([]);
  });

  it('says that there are none', async () => {
    expect((await machine.run('user', 'ls')).out).toBe('nobody but the owner of the node\n');
  });

  it('takes several folders', async () => {
    await mkdir(join(machine.dir, 'second'));
    const { value } = await machine.json('user', 'add', 'anna', '--folder', 'incoming', '--folder', 'second');
    expect(value.user.folders).toHaveLength(2);
  });

  it.each([
    ['anna'],
    ['anna', '--folder', 'missing'],
    ['an na', '--folder', 'incoming'],
    ['anna', '--folder', '.'],
    [],
  ])('refuses %j as wrong arguments', async (...args) => {
    const { exit, value } = await machine.json('user', 'add', ...args);
    expect(exit).toBe(2);
    expect(value.error.code).toBe('E_INVALID_ARGUMENT');
  });

  it('names a damaged file', async () => {
    await addAnna();
    await writeFile(join(machine.dir, 'data', 'users.json'), '{}');
    const { exit, value } = await machine.json('user', 'ls');
    expect(exit).toBe(3);
    expect(value.error).toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining('users.json') });
  });
});

describe('a token', () => {
  it('makes commands act as that user', async () => {
    const token = await addAnna();
    await using _ = await machine.startDaemon();
    const unsubscribe = machine.backend.subscribe((event) => {
      if (event.type === 'transfer.started') machine.backend.transfers.complete(event.transferId);
    });
    expect((await machine.run(...wanted, '--token', token)).exit).toBe(0);
    machine.env.NEARBITS_TOKEN = token;
    expect((await machine.run(...wanted)).exit).toBe(0);
    delete machine.env.NEARBITS_TOKEN;
    expect((await machine.run(...wanted)).exit).toBe(0);
    unsubscribe();
    expect([...machine.backend.transfers.owners.values()]).toEqual(['anna', 'anna', localOwner().name]);
  });

  it('allows no more than that user may do', async () => {
    const token = await addAnna();
    await using _ = await machine.startDaemon();
    const { exit, value } = await machine.json('cache', 'ls', '--token', token);
    expect(exit).toBe(3);
    expect(value.error.code).toBe('E_ACCESSDENIED');
    expect((await machine.json('status', '--token', token)).value.version).toBe('0.0.0');
  });

  it('that is wrong is refused, and never ends in a node of the own', async () => {
    {
      await using _ = await machine.startDaemon();
      const { exit, value } = await machine.json('status', '--token', 'nbu_wrong');
      expect(exit).toBe(3);
      expect(value.error.code).toBe('E_FORBIDDEN');
    }
    const { exit, value } = await machine.json(...wanted, '--token', 'nbu_wrong');
    expect(exit).toBe(5);
    expect(value.error.code).toBe('E_NOT_RUNNING');
    expect(machine.started).toEqual([]);
  });

  it('is sent over TCP when that is asked for', async () => {
    machine.env.NEARBITS_API = 'http://127.0.0.1:9';
    expect((await machine.json('status')).value.error.code).toBe('E_NOT_RUNNING');
    const { exit, value } = await machine.json('status', '--api', 'not a url');
    expect(exit).toBe(2);
    expect(value.error.code).toBe('E_INVALID_ARGUMENT');
  });
});
