import { connect } from 'node:net';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../support/api.ts';

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

async function post(path: string, body: string | Buffer, headers: Record<string, string>) {
  const response = await request(`http://localhost${path}`, { dispatcher: agent, method: 'POST', body, headers });
  const text = await response.body.text();
  expect(response.headers['content-type']).toContain('json');
  return { status: response.statusCode, body: JSON.parse(text) };
}

const JSON_TYPE = { 'content-type': 'application/json' };
const wanted = JSON.stringify({ url: 'http://127.0.0.1/f.bin', destination: '/tmp/f.bin' });

describe('bodies of requests', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('may be %s', async (type) => {
    expect((await post('/v1/transfers', wanted, { 'content-type': type })).status).toBe(201);
  });

  it.each([
    {},
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/jsonp' },
  ])('are refused with %j', async (headers) => {
    for (const path of ['/v1/transfers', '/v1/jobs', '/v1/config/check', '/v1/stop']) {
      expect(await post(path, wanted, headers as Record<string, string>)).toMatchObject({
        status: 415,
        body: { code: 'E_INVALID_ARGUMENT', status: 415, hint: expect.stringContaining('application/json') },
      });
    }
    expect(api.backend.stopRequests).toBe(0);
  });

  it.each([
    '{',
    '',
    'null',
    '[]',
    '7',
    '"x"',
    '{"url":1}',
    '\u0000',
    '{"url":"http://a/","url":"x"',
    '['.repeat(100_000),
  ])('are refused as %#: no JSON, or of another form', async (body) => {
    const answer = await post('/v1/transfers', body, JSON_TYPE);
    expect(answer).toMatchObject({ status: 400, body: { code: 'E_INVALID_ARGUMENT', status: 400 } });
    expect(answer.body.detail.length).toBeGreaterThan(5);
  });

  it('are refused with a field that is not known, naming it', async () => {
    for (const extra of ['extra', '__proto__', 'constructor']) {
      const body = `${wanted.slice(0, -1)},${JSON.stringify(extra)}:1}`;
      const answer = await post('/v1/transfers', body, JSON_TYPE);
      expect(answer.status).toBe(400);
      expect(answer.body.detail).toContain(extra);
    }
  });

  it('that are no UTF-8 do no harm', async () => {
    const answer = await post('/v1/transfers', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), JSON_TYPE);
    expect(answer.status).toBe(400);
  });

  it('may be missing where none is needed', async () => {
    const response = await request('http://localhost/v1/reload', { dispatcher: agent, method: 'POST' });
    await response.body.dump();
    expect(response.statusCode).toBe(200);
  });

  it('that are chunked need a type too', async () => {
    const socket = connect(api.socketPath);
    socket.on('error', () => {});
    socket.write('POST /v1/stop HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n');
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(String(first)).toMatch(/^HTTP\/1\.1 415 /);
    expect(api.backend.stopRequests).toBe(0);
  });
});
