import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answersLocally, listenLocal } from '../../../src/platform/local-socket.ts';

let dir: string;
let servers: Server[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nearbits-socket-'));
  servers = [];
});

afterEach(async () => {
  for (const server of servers) server.close();
  await rm(dir, { recursive: true, force: true });
});

function newServer(): Server {
  const server = createServer((socket) => socket.end());
  servers.push(server);
  return server;
}

describe.skipIf(process.platform === 'win32')('listenLocal', () => {
  it('makes a socket that only the owner may open, and takes it away again', async () => {
    const path = join(dir, 'deep', 'nearbits.sock');
    const server = newServer();
    const release = await listenLocal(server, path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, 'deep'))).mode & 0o777).toBe(0o700);
    expect(await answersLocally(path)).toBe(true);
    server.close();
    await once(server, 'close');
    await release();
    expect(await readdir(join(dir, 'deep'))).toEqual([]);
  });

  it('refuses a path where another process answers', async () => {
    const path = join(dir, 'nearbits.sock');
    await listenLocal(newServer(), path);
    await expect(listenLocal(newServer(), path)).rejects.toMatchObject({ code: 'E_ALREADY_RUNNING' });
    expect(await answersLocally(path)).toBe(true);
  });

  it('replaces the socket of a process that was killed', async () => {
    const path = join(dir, 'nearbits.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.stdout.write('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await stat(path)).isSocket()).toBe(true);
    await listenLocal(newServer(), path);
    expect(await answersLocally(path)).toBe(true);
  });

  it('says so when the path is too long for a socket', async () => {
    const path = join(dir, 'x'.repeat(120));
    await expect(listenLocal(newServer(), path)).rejects.toMatchObject({ code: 'E_LISTEN' });
  });
});
