import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobId, newJobId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { ApiCaller } from '../../support/api-call.ts';

let api: TestApi;
let caller: ApiCaller;
const clock = new ManualClock();
const sockets: Socket[] = [];

beforeEach(async () => {
  api = await startTestApi({ clock });
  caller = new ApiCaller(api.socketPath);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await caller[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

async function makeJob(): Promise<JobId> {
  return (await caller.call('POST', '/v1/jobs', { displayName: 'update' })).body.id;
}

/** A stream whose text grows as it comes; `until` waits for a part of it. */
function openStream(query = ''): { until(part: string): Promise<string>; readonly socket: Socket } {
  const socket = connect(api.socketPath);
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(`GET /v1/notifications${query} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  return {
    socket,
    async until(part) {
      while (!text.includes(part)) {
        await new Promise((resolve, reject) =>
          socket.once('data', resolve).once('close', () => reject(new Error(text))),
        );
      }
      return text;
    },
  };
}

describe('/v1/notifications', () => {
  it('tells what waits, then what comes, until it is acknowledged', async () => {
    const id = await makeJob();
    const old = api.backend.jobs.notify(id, 'transferred');
    const stream = openStream();
    const text = await stream.until(`"id":"${old.id}"`);
    expect(text.indexOf('event: ready')).toBeLessThan(text.indexOf('event: transferred'));
    expect(text).toContain(`id: ${old.id}\n`);
    const next = api.backend.jobs.notify(id, 'error');
    await stream.until(`id: ${next.id}\n`);
    expect((await caller.call('POST', `/v1/notifications/${old.id}/acknowledge`)).body).toEqual({});
    expect((await caller.call('POST', '/v1/notifications/unknown/acknowledge')).status).toBe(200);
    const again = await openStream().until(`id: ${next.id}\n`);
    expect(again).not.toContain(`id: ${old.id}\n`);
  });

  it('tells those of one job, which has to exist', async () => {
    const [a, b] = [await makeJob(), await makeJob()];
    api.backend.jobs.notify(a, 'transferred');
    const wanted = api.backend.jobs.notify(b, 'transferred');
    const text = await openStream(`?job=${b}`).until(`id: ${wanted.id}\n`);
    expect(text).not.toContain(a);
    expect(await caller.call('GET', `/v1/notifications?job=${newJobId()}`)).toMatchObject({
      status: 404,
      body: { code: 'BG_E_NOT_FOUND' },
    });
  });

  it('shows that it is alive, and ends with the server', async () => {
    const stream = openStream();
    await stream.until('event: ready');
    clock.advance(15_000);
    await stream.until(': still here');
    const closed = new Promise((resolve) => stream.socket.once('close', resolve));
    void api.server.stop();
    await closed;
  });

  it('has a hundred streams at most, events included, and gives their places back', async () => {
    const streams = Array.from({ length: 100 }, () => openStream());
    for (const stream of streams) await stream.until('event: ready');
    expect(await caller.call('GET', '/v1/events')).toMatchObject({ status: 409, body: { code: 'E_BUSY' } });
    streams[0]?.socket.destroy();
    while ((await caller.call('GET', '/v1/notifications?job=x')).body.code === 'E_BUSY')
      await new Promise(setImmediate);
    await openStream().until('HTTP/1.1');
  });
});
