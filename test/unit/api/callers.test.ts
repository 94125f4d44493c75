import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, type Dispatcher, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mayAskFor, mayHear } from '../../../src/api/access.ts';
import type { Caller } from '../../../src/core/caller.ts';
import type { TransferId } from '../../../src/core/ids.ts';
import type { NodeEvent } from '../../../src/observe/events.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { NearbitsClient } from '../../../src/sdk/client.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { tempDir } from '../../support/temp-dir.ts';

let api: TestApi;
let folder: Awaited<ReturnType<typeof tempDir>>;
let agent: Agent;
let annasToken: string;
let adminsToken: string;

beforeEach(async () => {
  api = await startTestApi({ tcp: true });
  folder = await tempDir();
  agent = new Agent({ connect: { socketPath: api.socketPath } });
  annasToken = (await api.users.add({ name: 'anna', administrator: false, folders: [folder.path] })).token;
  adminsToken = (await api.users.add({ name: 'admin', administrator: true, folders: [] })).token;
});

afterEach(async () => {
  await agent.destroy();
  await api[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly body: any;
  readonly headers: Record<string, unknown>;
}

async function call(
  method: Dispatcher.HttpMethod,
  path: string,
  token: string | null,
  { body, tcp = false }: { body?: unknown; tcp?: boolean } = {},
): Promise<Answer> {
  const response = await request(`http://${tcp ? `127.0.0.1:${api.server.tcpPort}` : 'localhost'}${path}`, {
    ...(tcp ? {} : { dispatcher: agent }),
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
  });
  const text = await response.body.text();
  const type = String(response.headers['content-type']);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: type.includes('json') ? JSON.parse(text) : text,
  };
}

const wanted = { url: 'http://127.0.0.1/f.bin', destination: '/tmp/f.bin' };
const start = async (token: string | null): Promise<TransferId> =>
  (await call('POST', '/v1/transfers', token, { body: wanted })).body.id;

describe('who asks', () => {
  it('is the owner of the node on its socket, unless a token says somebody else', async () => {
    expect(api.backend.ownerOf(await start(null))).toBe(localOwner().name);
    expect(api.backend.ownerOf(await start(annasToken))).toBe('anna');
    expect(api.backend.ownerOf(await start(adminsToken))).toBe('admin');
  });

  it.each(['nbu_wrong', 'x', `nbu_${'A'.repeat(43)}`])('is nobody with the wrong token %j', async (token) => {
    for (const tcp of [false, true]) {
      const { status, body, headers } = await call('GET', '/v1/status', token, { tcp });
      expect(status).toBe(401);
      expect(body).toMatchObject({ code: 'E_FORBIDDEN', status: 401, hint: expect.stringContaining('user add') });
      expect(headers['www-authenticate']).toMatch(/^Bearer/);
    }
  });

  it('is not guessed from other schemes', async () => {
    for (const authorization of ['Basic eDp5', 'Bearer', '', `Bearer ${annasToken} x`]) {
      const response = await request('http://localhost/v1/status', { dispatcher: agent, headers: { authorization } });
      await response.body.dump();
      expect(response.statusCode).toBe(401);
    }
  });

  it('is proved on TCP by the token of the owner or of a user', async () => {
    const ownersToken = (await readFile(join(api.dir, 'api.token'), 'utf8')).trim();
    expect((await call('GET', '/metrics', ownersToken, { tcp: true })).status).toBe(200);
    expect((await call('GET', '/v1/status', annasToken, { tcp: true })).status).toBe(200);
    expect((await call('GET', '/metrics', annasToken, { tcp: true })).status).toBe(403);
    expect((await call('GET', '/v1/status', null, { tcp: true })).status).toBe(401);
  });

  it('is asked before a body is read', async () => {
    const { status } = await call('POST', '/v1/config/check', 'nbu_wrong', { body: { text: 'x'.repeat(400_000) } });
    expect(status).toBe(401);
  });

  it('is nobody any more once the user is removed', async () => {
    await api.users.remove('anna');
    expect((await call('GET', '/v1/status', annasToken)).status).toBe(401);
  });

  it('is told in terms of the API on paths that do not exist, over TCP too', async () => {
    expect(await call('GET', '/v1/nothing', adminsToken, { tcp: true })).toMatchObject({
      status: 404,
      body: { code: 'E_NOT_FOUND' },
    });
  });
});

describe('a user that is no administrator', () => {
  it.each([
    ['GET', '/metrics'],
    ['GET', '/v1/config'],
    ['POST', '/v1/config/check'],
    ['GET', '/v1/peers'],
    ['DELETE', '/v1/peers'],
    ['POST', '/v1/peers/discover'],
    ['GET', '/v1/swarms'],
    ['GET', '/v1/cache'],
    ['DELETE', '/v1/cache'],
    ['POST', '/v1/cache/verify'],
    ['POST', '/v1/reload'],
    ['POST', '/v1/stop'],
    ['GET', '/v1/what-comes-later'],
    ['GET', '/v1/jobsish'],
  ] as const)('may not %s %s', async (method, path) => {
    expect(await call(method, path, annasToken)).toMatchObject({ status: 403, body: { code: 'E_ACCESSDENIED' } });
    expect(api.backend.stopRequests + api.backend.reloads + api.backend.discoveries).toBe(0);
  });

  it('sees the status without the places of the files', async () => {
    const { body } = await call('GET', '/v1/status', annasToken);
    expect(body).toMatchObject({ dataDir: '', configFile: '', policyFile: '', version: '0.0.0' });
    expect((await call('GET', '/v1/status', adminsToken)).body.dataDir).toBe('/data');
    expect((await call('GET', '/openapi.json', annasToken)).status).toBe(200);
  });

  it('sees and stops the own transfers only', async () => {
    const own = await start(annasToken);
    const foreign = await start(null);
    const { transfers } = (await call('GET', '/v1/transfers', annasToken)).body;
    expect(transfers.map(({ id }: { id: string }) => id)).toEqual([own]);
    expect((await call('GET', '/v1/transfers', adminsToken)).body.transfers).toHaveLength(2);
    for (const [method, path] of [
      ['GET', `/v1/transfers/${foreign}`],
      ['GET', `/v1/transfers/${foreign}?wait=settled`],
      ['GET', `/v1/transfers/${foreign}/trace`],
      ['DELETE', `/v1/transfers/${foreign}`],
    ] as const) {
      expect(await call(method, path, annasToken)).toMatchObject({ status: 404, body: { code: 'E_NOT_FOUND' } });
    }
    expect(api.backend.transfers.views.get(foreign)?.state).toBe('running');
    expect((await call('DELETE', `/v1/transfers/${own}`, annasToken)).body.state).toBe('cancelled');
  });

  it('hears of the own transfers only', async () => {
    await using client = new NearbitsClient({ socket: api.socketPath, token: annasToken });
    const over = new AbortController();
    const heard = await client.events(over.signal);
    const foreign = await start(null);
    api.backend.transfers.progress(foreign, 10);
    api.backend.transfers.complete(foreign);
    api.backend.events.emit({ type: 'index.rebuilt', setAside: '/secret/place' });
    const own = await start(annasToken);
    const types: string[] = [];
    for await (const event of heard) {
      expect('transferId' in event ? event.transferId : null).toBe(own);
      types.push(event.type);
      if (event.type === 'transfer.started') api.backend.transfers.complete(own);
      if (event.type === 'transfer.completed') break;
    }
    expect(types).toEqual(['transfer.started', 'transfer.completed']);
    over.abort();
  });

  it('watches an own transfer with the client, and no other', async () => {
    await using client = new NearbitsClient({ socket: api.socketPath, token: annasToken });
    const { id } = await client.transfers.start(wanted);
    const states: string[] = [];
    for await (const view of client.transfers.watch(id)) {
      states.push(view.state);
      api.backend.transfers.complete(id as TransferId);
    }
    expect(states.at(-1)).toBe('completed');
    const foreign = await start(null);
    await expect(client.transfers.get(foreign)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });
});

const anna: Caller = { name: 'anna', administrator: false, folders: ['/x'] };
const admin: Caller = { name: 'admin', administrator: true, folders: null };

describe('what users may ask for', () => {
  it.each([
    '/v1/status',
    '/openapi.json',
    '/v1/events',
    '/v1/jobs',
    '/v1/jobs/x/files',
    '/v1/transfers/x/trace',
    '/v1/notifications',
  ])('%s is for everybody', (path) => {
    expect(mayAskFor(anna, path)).toBe(true);
  });

  it.each([
    '',
    '/',
    '/v1',
    '/v1/status/',
    '/v1/status/x',
    '/V1/status',
    '/v1/events/x',
    '//v1/jobs',
    '/x/v1/jobs',
    '/openapi.json/x',
  ])('%j is for administrators', (path) => {
    expect(mayAskFor(anna, path)).toBe(false);
    expect(mayAskFor(admin, path)).toBe(true);
  });
});

describe('what users hear', () => {
  const backend = { ownerOf: (id: string) => (id === 'annas' ? 'anna' : id === 'unknown' ? null : 'bob') };
  const event = (body: object) => ({ atMs: 1, ...body }) as NodeEvent;

  it('is what happens to their own jobs and transfers', () => {
    for (const key of ['jobId', 'transferId']) {
      expect(mayHear(backend, anna, event({ type: 'x', [key]: 'annas' }))).toBe(true);
      expect(mayHear(backend, anna, event({ type: 'x', [key]: 'bobs' }))).toBe(false);
      expect(mayHear(backend, anna, event({ type: 'x', [key]: 'unknown' }))).toBe(false);
      expect(mayHear(backend, admin, event({ type: 'x', [key]: 'unknown' }))).toBe(true);
    }
    expect(mayHear(backend, anna, event({ type: 'node.stopping' }))).toBe(false);
    expect(mayHear(backend, admin, event({ type: 'node.stopping' }))).toBe(true);
  });
});
