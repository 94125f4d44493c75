import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer, type ApiServerOptions } from '../../src/api/server.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { Users } from '../../src/security/users.ts';
import { MemoryBackend } from './memory-backend.ts';

/** A local API over a real socket in a directory of its own, in front of a node in memory. */
export interface TestApi extends AsyncDisposable {
  readonly dir: string;
  readonly socketPath: string;
  readonly backend: MemoryBackend;
  readonly server: ApiServer;
  /** Who may use it beside the user of this process. */
  readonly users: Users;
}

/** Starts the API; `tcp` also on a free port of loopback. */
export async function startTestApi(options: { tcp?: boolean; clock?: Clock } = {}): Promise<TestApi> {
  const dir = await mkdtemp(join(tmpdir(), 'nearbits-api-'));
  const socketPath = join(dir, 'api.sock');
  const backend = new MemoryBackend();
  const tcp = options.tcp === true ? { host: '127.0.0.1', port: 0, tokenFile: join(dir, 'api.token') } : null;
  const serverOptions: ApiServerOptions = { socketPath, tcp, version: '1.2.3' };
  const users = await Users.open({ log: silentLogger }, { dataDir: join(dir, 'data') });
  const deps = { backend, users, clock: options.clock ?? systemClock, log: silentLogger };
  const server = await ApiServer.start(deps, serverOptions);
  return {
    dir,
    socketPath,
    backend,
    server,
    users,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
