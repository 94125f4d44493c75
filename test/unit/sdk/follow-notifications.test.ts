import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ApiServer } from '../../../src/api/server.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { JobId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { ApiConnection } from '../../../src/sdk/connection.ts';
import { jobClient } from '../../../src/sdk/job-client.ts';
import { Jobs } from '../../../src/sdk/jobs.ts';
import { startTestApi } from '../../support/api.ts';

/** Resolves once somebody sleeps, and tells for how long. */
async function sleeper(clock: ManualClock): Promise<number> {
  for (;;) {
    const waitMs = clock.nextTimerInMs();
    if (waitMs !== null) return waitMs;
    await new Promise(setImmediate);
  }
}

describe('notifications over a connection that breaks', () => {
  it('go on after the node comes back, and nothing unacknowledged is lost', async () => {
    await using api = await startTestApi();
    const clock = new ManualClock();
    const connection = new ApiConnection({ socket: api.socketPath });
    const jobs = new Jobs(jobClient(connection, clock));
    const job = await jobs.create({ displayName: 'update' });
    api.backend.jobs.notify(job.id as JobId, 'transferred');
    const notes = jobs.notifications();
    const first = await notes.next();
    const following = notes.next();
    await api.server.stop();
    const waits: number[] = [];
    for (let count = 0; count < 3; count++) {
      waits.push(await sleeper(clock));
      clock.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([250, 500, 1000]);
    await sleeper(clock);
    const deps = { backend: api.backend, users: api.users, clock: systemClock, log: silentLogger };
    await using _again = await ApiServer.start(deps, { socketPath: api.socketPath, tcp: null, version: '1' });
    clock.advance(await sleeper(clock));
    const second = await following;
    expect(second.value?.id).toBe(first.value?.id);
    await second.value?.acknowledge();
    expect(api.backend.jobs.waiting).toEqual([]);
    await notes.return();
    await connection.close();
  });

  it('say so when there is no node to begin with', async () => {
    await using api = await startTestApi();
    const connection = new ApiConnection({ socket: join(api.dir, 'nobody.sock') });
    const notes = new Jobs(jobClient(connection, new ManualClock())).notifications();
    await expect(notes.next()).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
    await connection.close();
  });

  it('stop while the node is away', async () => {
    await using api = await startTestApi();
    const clock = new ManualClock();
    const connection = new ApiConnection({ socket: api.socketPath });
    const away = new AbortController();
    const notes = new Jobs(jobClient(connection, clock)).notifications({ signal: away.signal });
    const waiting = notes.next();
    await api.backend.jobs.watched();
    await api.server.stop();
    await sleeper(clock);
    away.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'E_CANCELLED' });
    await connection.close();
  });
});
