import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Agent, type Dispatcher, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiServer } from '../../../src/api/server.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { NearbitsError } from '../../../src/core/errors.ts';
import { newRecordId, parseContentId } from '../../../src/core/ids.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { swarmView } from '../../support/swarm-view.ts';

let api: TestApi;
let agent: Agent;

beforeEach(async () => {
  api = await startTestApi();
  agent = new Agent({ connect: { socketPath: api.socketPath } });
});

afterEach(async () => {
  await agent.destroy();
  await api[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly body: any;
}

async function call(method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<Answer> {
  const response = await request(`http://localhost${path}`, {
    dispatcher: agent,
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
  });
  const text = await response.body.text();
  const type = String(response.headers['content-type']);
  return { status: response.statusCode, type, body: type.includes('json') ? JSON.parse(text) : text };
}

const wanted = { url: 'http://127.0.0.1/f.bin', destination: '/tmp/f.bin' };

describe('the local API', () => {
  it('listens on a socket that only its owner may open', async () => {
    expect((await stat(api.socketPath)).mode & 0o777).toBe(0o600);
    const { status, body } = await call('GET', '/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({ domain: { name: 'example' }, ports: { peer: 1 } });
  });

  it('is alone on its socket', async () => {
    const again = ApiServer.start(
      { backend: api.backend, users: api.users, clock: systemClock, log: silentLogger },
      { socketPath: api.socketPath, tcp: null, version: '1' },
    );
    await expect(again).rejects.toMatchObject({ code: 'E_ALREADY_RUNNING' });
    expect((await call('GET', '/v1/status')).status).toBe(200);
  });

  it('starts, lists, traces and cancels transfers', async () => {
    const started = await call('POST', '/v1/transfers', { ...wanted, ranges: ['0-9'], sha256: 'A'.repeat(64) });
    expect(started.status).toBe(201);
    expect(api.backend.transfers.requests[0]).toEqual({
      ...wanted,
      ranges: ['0-9'],
      sha256: 'a'.repeat(64),
      usePeers: true,
      share: true,
      priority: 'background',
      overwrite: false,
    });
    const path = `/v1/transfers/${started.body.id}`;
    expect((await call('GET', '/v1/transfers')).body.transfers).toHaveLength(1);
    expect((await call('GET', path)).body.state).toBe('running');
    expect((await call('GET', `${path}/trace`)).body.entries).toMatchObject([{ code: 'HEAD' }]);
    expect((await call('DELETE', path)).body.state).toBe('cancelled');
    expect((await call('DELETE', path)).status).toBe(200);
  });

  it.each([
    [{}, 'url'],
    [{ ...wanted, destination: 'relative.bin' }, 'the destination must be an absolute path'],
    [{ ...wanted, sha256: 'abc' }, 'sha256: a SHA-256 digest has 64 hexadecimal digits'],
    [{ ...wanted, ranges: [] }, 'ranges'],
    [{ ...wanted, extra: 1 }, 'extra'],
    ['{"url":', 'JSON'],
  ])('answers %j with a problem that says what is wrong', async (body, text) => {
    const answer = await call('POST', '/v1/transfers', body);
    expect(answer.status).toBe(400);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'E_INVALID_ARGUMENT', status: 400 });
    expect(answer.body.detail).toContain(text);
  });

  it('tells the code of what went wrong', async () => {
    const bad = await call('POST', '/v1/transfers', { ...wanted, url: 'ftp://x/y' });
    expect(bad).toMatchObject({ status: 400, body: { code: 'E_INVALID_URL', type: 'urn:x-nearbits:E_INVALID_URL' } });
    const id = '00000000-0000-4000-8000-000000000000';
    expect(await call('GET', `/v1/transfers/${id}`)).toMatchObject({ status: 404, body: { code: 'E_NOT_FOUND' } });
    expect(await call('GET', '/v1/transfers/..%2fetc')).toMatchObject({ status: 400 });
    expect(await call('GET', '/v1/nothing')).toMatchObject({ status: 404, body: { code: 'E_NOT_FOUND' } });
    api.backend.reloadError = new NearbitsError('E_CONFIG', 'bad file', { hint: 'mend it', details: { line: 3 } });
    expect(await call('POST', '/v1/reload')).toMatchObject({
      status: 422,
      body: { code: 'E_CONFIG', detail: 'bad file', hint: 'mend it', details: { line: 3 } },
    });
  });

  it('refuses a body that is too large, announced or not', async () => {
    const text = 'x'.repeat(500_000);
    expect((await call('POST', '/v1/config/check', { text })).status).toBe(413);
    const socket = connect(api.socketPath);
    socket.on('error', () => {}); // the server may cut the connection while more is being sent
    const size = text.length.toString(16);
    socket.write(
      'POST /v1/config/check HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    socket.write(`${size}\r\n${text}\r\n0\r\n\r\n`);
    const [first] = await new Promise<Buffer[]>((resolve) => socket.once('data', (data) => resolve([data])));
    expect(String(first)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('pages through the cache and removes from it', async () => {
    const ids = [1, 2, 3].map(() => api.backend.cache.add('http://a/')).sort();
    const busy = api.backend.cache.add('http://b/');
    api.backend.cache.busy.add(busy);
    const page = await call('GET', '/v1/cache?url=http://a/&limit=2');
    expect(page.body.records.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
    const rest = await call('GET', `/v1/cache?url=http://a/&after=${page.body.next}`);
    expect(rest.body).toMatchObject({ records: [{ id: ids[2] }], next: null });
    expect((await call('GET', `/v1/cache/${ids[0]}`)).body.url).toBe('http://a/');
    expect((await call('DELETE', `/v1/cache/${ids[0]}`)).status).toBe(200);
    expect(await call('DELETE', `/v1/cache/${busy}`)).toMatchObject({ status: 409, body: { code: 'E_BUSY' } });
    expect((await call('DELETE', '/v1/cache?url=http://a/')).body).toEqual({ removed: 2, busy: 0 });
    expect((await call('DELETE', '/v1/cache')).body).toEqual({ removed: 0, busy: 1 });
    expect((await call('POST', '/v1/cache/verify')).body).toMatchObject({ checked: 1, damaged: [] });
    expect((await call('GET', '/v1/cache?limit=0')).status).toBe(400);
  });

  it('stops verifying when the caller goes away', async () => {
    const away = new AbortController();
    const asked = request('http://localhost/v1/cache/verify', {
      dispatcher: agent,
      method: 'POST',
      signal: away.signal,
    });
    const signal = await api.backend.cache.verifyCalled.promise;
    away.abort();
    await expect(asked).rejects.toThrow();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });

  it('lists, finds and forgets peers', async () => {
    expect((await call('POST', '/v1/peers/discover')).body).toEqual({ sent: true, suppressedMs: null });
    expect((await call('POST', '/v1/peers/discover')).body.suppressedMs).toBe(600_000);
    expect((await call('DELETE', '/v1/peers')).status).toBe(200);
    expect((await call('GET', '/v1/peers')).body).toEqual({ peers: [] });
  });

  it('shows what is fetched and given together with neighbours', async () => {
    expect((await call('GET', '/v1/swarms')).body).toEqual({ swarms: [] });
    const view = swarmView();
    api.backend.contents.push(view);
    expect((await call('GET', '/v1/swarms')).body).toEqual({ swarms: [view] });
    expect((await call('GET', '/v1/status')).body.swarms).toMatchObject({ on: true, contents: 1 });
  });

  it('shows and checks configuration', async () => {
    const { body } = await call('GET', '/v1/config');
    expect(body.entries.find(({ key }: { key: string }) => key === 'serve.clients')).toMatchObject({
      value: 3,
      setBy: 'default',
    });
    const check = await call('POST', '/v1/config/check', { text: 'serve:\n  client: 3\n' });
    expect(check.body.problems).toMatchObject([{ line: 2, key: 'serve.client' }]);
    expect((await call('POST', '/v1/config/check', {})).body.problems).toEqual([]);
  });

  it('reloads and stops on request', async () => {
    expect((await call('POST', '/v1/reload')).body).toEqual({ changedKeys: ['serve.clients'], domainChanged: false });
    await call('POST', '/v1/stop');
    expect(api.backend.stopRequests).toBe(1);
  });

  it('counts received bytes once, by source', async () => {
    const { body } = await call('POST', '/v1/transfers', wanted);
    for (const bytes of [10, 10, 35]) api.backend.transfers.progress(body.id, bytes);
    api.backend.transfers.complete(body.id);
    const page = await call('GET', '/metrics');
    expect(page.type).toContain('text/plain');
    expect(page.body).toContain('nearbits_received_bytes_total{source="peer"} 35');
    expect(page.body).toContain('nearbits_transfers_total{result="completed"} 1');
    expect(page.body).toContain('nearbits_cache_max_bytes 1000000');
  });

  it('counts swarms apart from records', async () => {
    const contentId = parseContentId('ab'.repeat(32));
    const { emit } = api.backend.events;
    emit({ type: 'serve.finished', nodeId: testNodeId(1), recordId: newRecordId(), bytes: 7 });
    emit({ type: 'swarm.joined', contentId, url: 'http://a/' });
    for (const answered of [3, 2])
      emit({ type: 'swarm.moved', contentId, givenBytes: 50, takenBytes: 20, answered, refused: { 503: 4 } });
    emit({ type: 'swarm.banned', contentId, nodeId: testNodeId(2), proven: true });
    api.backend.contents.push(swarmView());
    const { body } = await call('GET', '/metrics');
    for (const line of [
      'served_bytes_total 7',
      'swarm_joined_total 1',
      'swarm_given_bytes_total 100',
      'swarm_taken_bytes_total 40',
      'swarm_answered_total 5',
      'swarm_refused_total{status="503"} 8',
      'swarm_bans_total{proof="yes"} 1',
      'swarms 1',
    ])
      expect(body).toContain(`nearbits_${line}\n`);
    expect(body).not.toContain('nearbits_serve_refused_total{');
  });

  it('describes itself completely', async () => {
    const { body } = await call('GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/metrics',
      '/v1/cache',
      '/v1/cache/verify',
      '/v1/cache/{id}',
      '/v1/config',
      '/v1/config/check',
      '/v1/events',
      '/v1/jobs',
      '/v1/jobs/reset',
      '/v1/jobs/{id}',
      '/v1/jobs/{id}/cancel',
      '/v1/jobs/{id}/client-certificate',
      '/v1/jobs/{id}/complete',
      '/v1/jobs/{id}/credentials',
      '/v1/jobs/{id}/error',
      '/v1/jobs/{id}/files',
      '/v1/jobs/{id}/files/{index}/filled-ranges',
      '/v1/jobs/{id}/files/{index}/position',
      '/v1/jobs/{id}/files/{index}/ranges',
      '/v1/jobs/{id}/files/{index}/remote-name',
      '/v1/jobs/{id}/files/{index}/validation',
      '/v1/jobs/{id}/replace-remote-prefix',
      '/v1/jobs/{id}/resume',
      '/v1/jobs/{id}/suspend',
      '/v1/jobs/{id}/take-ownership',
      '/v1/jobs/{id}/trace',
      '/v1/notifications',
      '/v1/notifications/{id}/acknowledge',
      '/v1/peers',
      '/v1/peers/discover',
      '/v1/reload',
      '/v1/status',
      '/v1/stop',
      '/v1/swarms',
      '/v1/transfers',
      '/v1/transfers/{id}',
      '/v1/transfers/{id}/trace',
    ]);
    expect(body.components.schemas.Transfer.properties.bytesFromPeers.type).toBe('integer');
    expect(body.components.schemas.Problem).toBeDefined();
  });

  it('gives the socket back when it stops', async () => {
    await api.server.stop();
    await api.server.stop();
    await expect(stat(api.socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the API over TCP', () => {
  it('wants the token, and no strangers', async () => {
    await using tcp = await startTestApi({ tcp: true });
    const token = (await readFile(join(tcp.dir, 'api.token'), 'utf8')).trim();
    expect((await stat(join(tcp.dir, 'api.token'))).mode & 0o777).toBe(0o600);
    const url = `http://127.0.0.1:${tcp.server.tcpPort}/v1/status`;
    const statusWith = async (headers: Record<string, string>): Promise<number> => {
      const response = await request(url, { headers });
      await response.body.dump();
      return response.statusCode;
    };
    const authorization = `Bearer ${token}`;
    expect(await statusWith({ authorization })).toBe(200);
    expect(await statusWith({})).toBe(401);
    expect(await statusWith({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await statusWith({ authorization: `Basic ${token}` })).toBe(401);
    expect(await statusWith({ authorization, host: 'evil.example' })).toBe(403);
    expect(await statusWith({ authorization, origin: 'http://evil.example' })).toBe(403);
    expect(await statusWith({ authorization, origin: `http://127.0.0.1:${tcp.server.tcpPort}` })).toBe(200);
  });

  it('says which port is taken', async () => {
    await using tcp = await startTestApi({ tcp: true });
    const second = ApiServer.start(
      { backend: tcp.backend, users: tcp.users, clock: systemClock, log: silentLogger },
      {
        socketPath: join(tcp.dir, 'second.sock'),
        tcp: { host: '127.0.0.1', port: tcp.server.tcpPort ?? 0, tokenFile: join(tcp.dir, 'api.token') },
        version: '1',
      },
    );
    await expect(second).rejects.toMatchObject({ code: 'E_LISTEN' });
    await expect(stat(join(tcp.dir, 'second.sock'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
