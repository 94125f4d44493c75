import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statusOf } from '../../../src/api/problem.ts';
import { MAX_METALINK_BYTES } from '../../../src/content/metalink.ts';
import type { BitsCode } from '../../../src/core/bits-codes.ts';
import type { JobId } from '../../../src/core/ids.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { type ApiAnswer, ApiCaller } from '../../support/api-call.ts';

let api: TestApi;
let caller: ApiCaller;

beforeEach(async () => {
  api = await startTestApi();
  caller = new ApiCaller(api.socketPath);
});

afterEach(async () => {
  await caller[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

const call = (...args: Parameters<ApiCaller['call']>): Promise<ApiAnswer> => caller.call(...args);
const file = (name: string) => ({ remoteUrl: `http://127.0.0.1/${name}`, localName: `/tmp/${name}` });

async function makeJob(rest: object = {}): Promise<JobId> {
  const { status, body } = await call('POST', '/v1/jobs', { displayName: 'update', files: [file('a')], ...rest });
  expect(status).toBe(201);
  return body.id;
}

describe('/v1/jobs', () => {
  it('makes a job with defaults and says where it is', async () => {
    const made = await call('POST', '/v1/jobs', { displayName: 'update', files: [file('a')] });
    expect(made).toMatchObject({ status: 201, headers: { location: `/v1/jobs/${made.body.id}` } });
    expect(made.body).toMatchObject({ state: 'SUSPENDED', type: 'DOWNLOAD', files: { total: 1 } });
    expect(made.body.properties).toMatchObject({ priority: 'NORMAL', minimumRetryDelaySeconds: 600, notifyFlags: 3 });
    expect((await call('GET', `/v1/jobs/${made.body.id}`)).body).toEqual(made.body);
  });

  it('lists page by page, by name, and ended jobs only when asked', async () => {
    const ids = [await makeJob(), await makeJob(), await makeJob({ displayName: 'other' })].sort();
    const first = (await call('GET', '/v1/jobs?limit=2')).body;
    expect(first).toMatchObject({ jobs: [{ id: ids[0] }, { id: ids[1] }], next: ids[1] });
    expect((await call('GET', `/v1/jobs?after=${first.next}`)).body).toMatchObject({
      jobs: [{ id: ids[2] }],
      next: null,
    });
    expect((await call('GET', '/v1/jobs?name=other')).body.jobs).toHaveLength(1);
    await call('POST', `/v1/jobs/${ids[0]}/cancel`);
    expect((await call('GET', '/v1/jobs')).body.jobs).toHaveLength(2);
    expect((await call('GET', '/v1/jobs?ended=true')).body.jobs).toHaveLength(3);
    expect(await call('GET', '/v1/jobs?limit=0')).toMatchObject({ status: 400, body: { code: 'E_INVALIDARG' } });
    expect(await call('GET', '/v1/jobs?ended=yes')).toMatchObject({ status: 400, body: { code: 'E_INVALIDARG' } });
  });

  it('moves a job through its states', async () => {
    const id = await makeJob();
    const states: string[] = [];
    for (const verb of ['resume', 'suspend', 'take-ownership']) {
      states.push((await call('POST', `/v1/jobs/${id}/${verb}`)).body.state);
    }
    expect(states).toEqual(['QUEUED', 'SUSPENDED', 'SUSPENDED']);
    expect((await call('POST', `/v1/jobs/${id}/complete`)).body).toMatchObject({
      code: 'BG_S_PARTIAL_COMPLETE',
      job: { state: 'ACKNOWLEDGED' },
    });
    expect(await call('POST', `/v1/jobs/${id}/resume`)).toMatchObject({
      status: 409,
      body: { code: 'BG_E_INVALID_STATE', title: 'the call is not allowed in this state', details: { call: 'resume' } },
    });
  });

  it('waits until a job goes no further by itself', async () => {
    const id = await makeJob({ resume: true });
    const waiting = call('GET', `/v1/jobs/${id}?wait=settled`);
    api.backend.jobs.move(id, 'CONNECTING');
    api.backend.jobs.transferred(id);
    expect((await waiting).body.state).toBe('TRANSFERRED');
    expect((await call('GET', `/v1/jobs/${id}?wait=settled`)).body.state).toBe('TRANSFERRED');
  });

  it('lets nobody wait for a server that stops', async () => {
    const id = await makeJob({ resume: true });
    const waiting = call('GET', `/v1/jobs/${id}?wait=settled`);
    await api.backend.jobs.watched();
    void api.server.stop();
    expect(await waiting).toMatchObject({ status: 503, body: { code: 'E_NOT_RUNNING' } });
  });

  it('shows errors, decisions and what is done with files', async () => {
    const id = await makeJob({ files: [file('a'), file('b')] });
    expect(await call('GET', `/v1/jobs/${id}/error`)).toMatchObject({
      status: 409,
      body: { code: 'BG_E_ERROR_INFORMATION_UNAVAILABLE' },
    });
    api.backend.jobs.fail(id, 'BG_E_HTTP_ERROR_404');
    expect((await call('GET', `/v1/jobs/${id}/error`)).body).toMatchObject({ code: 'BG_E_HTTP_ERROR_404', file: 0 });
    expect((await call('GET', `/v1/jobs/${id}/trace`)).body.entries).toMatchObject([{ code: 'HEAD' }]);
    expect((await call('POST', `/v1/jobs/${id}/files`, { files: [file('c')] })).body.files.total).toBe(3);
    expect((await call('GET', `/v1/jobs/${id}/files?limit=2`)).body).toMatchObject({
      files: [{ index: 0 }, { index: 1 }],
      next: 2,
    });
    expect((await call('GET', `/v1/jobs/${id}/files?from=2`)).body).toMatchObject({
      files: [{ index: 2 }],
      next: null,
    });
  });

  it('steers single files', async () => {
    const id = await makeJob();
    const path = `/v1/jobs/${id}/files/0`;
    const url = 'http://127.0.0.1/elsewhere/a';
    expect((await call('PUT', `${path}/remote-name`, { url })).status).toBe(200);
    const prefix = { from: 'http://127.0.0.1/elsewhere', to: 'http://127.0.0.2' };
    const replace = `/v1/jobs/${id}/replace-remote-prefix`;
    expect((await call('POST', replace, prefix)).body.code).toBe('S_OK');
    expect((await call('POST', replace, prefix)).body.code).toBe('S_FALSE');
    expect((await call('GET', `/v1/jobs/${id}/files`)).body.files[0].remoteUrl).toBe('http://127.0.0.2/a');
    expect(await call('PUT', `${path}/validation`, { valid: true })).toMatchObject({
      status: 409,
      body: { code: 'E_PENDING' },
    });
    const ranges = [{ offset: 5, length: 'EOF' }];
    expect((await call('POST', `${path}/ranges`, { ranges })).status).toBe(200);
    expect(api.backend.jobs.requested).toEqual(ranges);
    expect((await call('PUT', `${path}/position`, { offset: 7 })).body).toEqual({});
    expect(api.backend.jobs.positions).toEqual([7]);
    api.backend.jobs.fill(id, 0, '/tmp/a.nbpart', 10, [{ offset: 0, length: 3 }]);
    expect((await call('GET', `${path}/filled-ranges`)).body).toEqual({ ranges: [{ offset: 0, length: 3 }] });
  });

  it('takes secrets and never shows them', async () => {
    const id = await makeJob();
    const credentials = { target: 'SERVER', scheme: 'BASIC', user: 'ann', password: 'open sesame' };
    const set = await call('PUT', `/v1/jobs/${id}/credentials`, credentials);
    expect(set.body.credentials).toEqual([{ target: 'SERVER', scheme: 'BASIC', user: 'ann' }]);
    const certificate = { certificatePem: 'public', keyPem: 'private' };
    expect((await call('PUT', `/v1/jobs/${id}/client-certificate`, certificate)).status).toBe(200);
    expect(api.backend.jobs.secrets).toEqual([credentials, certificate]);
    const path = `/v1/jobs/${id}/credentials?target=SERVER&scheme=BASIC`;
    expect((await call('DELETE', path)).body).toMatchObject({ code: 'S_OK', job: { credentials: [] } });
    expect((await call('DELETE', path)).body.code).toBe('S_FALSE');
    expect((await call('DELETE', `/v1/jobs/${id}/client-certificate`)).body.code).toBe('S_OK');
    expect(await call('DELETE', `/v1/jobs/${id}/credentials`)).toMatchObject({
      status: 400,
      body: { code: 'E_INVALIDARG' },
    });
  });

  it('cancels all jobs', async () => {
    await makeJob();
    await makeJob();
    const { body } = await call('POST', '/v1/jobs/reset', {});
    expect(body.results).toMatchObject([{ job: { state: 'CANCELLED' } }, { job: { state: 'CANCELLED' } }]);
  });

  it('shows other users nothing of a job', async () => {
    const id = await makeJob();
    const folder = join(api.dir, 'ben');
    await mkdir(folder);
    const { token } = await api.users.add({ name: 'ben', administrator: false, folders: [folder] });
    const asBen = { authorization: `Bearer ${token}` };
    expect(await call('GET', `/v1/jobs/${id}`, undefined, asBen)).toMatchObject({
      status: 404,
      body: { code: 'BG_E_NOT_FOUND' },
    });
    expect(await call('GET', '/v1/jobs?allUsers=true', undefined, asBen)).toMatchObject({
      status: 403,
      body: { code: 'E_ACCESSDENIED' },
    });
    expect((await call('GET', '/v1/jobs', undefined, asBen)).body.jobs).toEqual([]);
  });
});

describe('mistakes in jobs', () => {
  it.each<[object, BitsCode, string]>([
    [{ displayName: 'x'.repeat(257) }, 'BG_E_STRING_TOO_LONG', 'displayName'],
    [{ displayName: 'a\nb' }, 'E_INVALIDARG', 'displayName'],
    [{ description: 'x'.repeat(1025) }, 'BG_E_STRING_TOO_LONG', 'description'],
    [{ priority: 'URGENT' }, 'E_NOTIMPL', 'priority'],
    [{ notifyFlags: 0x40 }, 'E_NOTIMPL', 'notifyFlags'],
    [{ securityFlags: 0x300 }, 'E_NOTIMPL', 'securityFlags'],
    [{ maxDownloadSize: 0 }, 'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE', 'maxDownloadSize'],
    [{ proxy: { usage: 'SOCKS' } }, 'E_NOTIMPL', 'proxy.usage'],
    [{ speed: 9 }, 'BG_E_UNKNOWN_PROPERTY_ID', 'speed'],
    [{ owner: 'me' }, 'BG_E_READ_ONLY_PROPERTY', 'owner'],
  ])('answers %j with %s, at making and at changing', async (properties, code, property) => {
    const expected = { status: statusOf(code), body: { code, details: { property } } };
    expect(await call('POST', '/v1/jobs', { displayName: 'a', ...properties })).toMatchObject(expected);
    const id = await makeJob();
    expect(await call('PATCH', `/v1/jobs/${id}`, properties)).toMatchObject(expected);
  });

  it('changes what is named and nothing else', async () => {
    const id = await makeJob({ description: 'first' });
    const { body } = await call('PATCH', `/v1/jobs/${id}`, { priority: 'HIGH', minimumRetryDelaySeconds: 1 });
    expect(body.properties).toMatchObject({ description: 'first', priority: 'HIGH', minimumRetryDelaySeconds: 5 });
  });

  it.each([
    ['files', { files: [] }, 'files'],
    ['files', { files: [{ remoteUrl: '', localName: '/a' }] }, 'files.0.remoteUrl'],
    ['files', { files: [{ ...file('a'), ranges: [{ offset: 0, length: 0 }] }] }, 'files.0.ranges.0.length'],
    ['files', { files: [{ ...file('a'), ranges: [{ offset: -1, length: 5 }] }] }, 'files.0.ranges.0.offset'],
    ['files/0/ranges', { ranges: [{ offset: 2 ** 60, length: 5 }] }, 'ranges.0.offset'],
    ['files/x/ranges', { ranges: [{ offset: 0, length: 5 }] }, 'index'],
  ])('answers a bad POST to %s with E_INVALIDARG and the path', async (route, body, path) => {
    const id = await makeJob();
    expect(await call('POST', `/v1/jobs/${id}/${route}`, body)).toMatchObject({
      status: 400,
      body: { code: 'E_INVALIDARG', details: { path } },
    });
  });

  it('refuses what is no JSON, no job id, and no route', async () => {
    expect((await call('POST', '/v1/jobs', '{"displayName":')).status).toBe(400);
    expect((await call('POST', '/v1/jobs')).status).toBe(400);
    expect((await call('GET', '/v1/jobs/..%2f..%2fetc')).status).toBe(400);
    expect(await call('GET', '/v1/jobs/00000000-0000-4000-8000-000000000000')).toMatchObject({
      status: 404,
      body: { code: 'BG_E_NOT_FOUND' },
    });
    expect((await call('POST', `/v1/jobs/${await makeJob()}/explode`)).status).toBe(404);
  });
});

describe('large requests', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => file(`file-${index}`));

  it('takes a hundred thousand files, in one request', async () => {
    const { status, body } = await call('POST', '/v1/jobs', { displayName: 'many', files: many(100_000) });
    expect(status).toBe(201);
    expect(body.files.total).toBe(100_000);
  });

  it('takes a Metalink document of full size with a transfer or a file', async () => {
    const metalink = { document: 'x'.repeat(MAX_METALINK_BYTES) };
    const wanted = { url: 'http://127.0.0.1/f', destination: '/tmp/f', metalink };
    expect((await call('POST', '/v1/transfers', wanted)).status).toBe(201);
    const id = await makeJob();
    const files = [{ ...file('described'), metalink }];
    expect((await call('POST', `/v1/jobs/${id}/files`, { files })).status).toBe(200);
    expect((await call('GET', `/v1/jobs/${id}/files`)).body.files.at(-1).metalink).toEqual({ url: null });
    const larger = { ...wanted, metalink: { document: 'x'.repeat(MAX_METALINK_BYTES + 1) } };
    expect((await call('POST', '/v1/transfers', larger)).status).toBe(400);
    const both = { ...wanted, metalink: { ...metalink, url: 'http://127.0.0.1/m' } };
    expect((await call('POST', '/v1/transfers', both)).status).toBe(400);
  });

  it('refuses more than 32 MiB, and more than a little everywhere else', async () => {
    const padding = 'x'.repeat(32 * 2 ** 20 + 1);
    expect(await call('POST', '/v1/jobs', padding)).toMatchObject({ status: 413 });
    const id = await makeJob();
    const large = { displayName: 'x'.repeat(400_000) };
    expect((await call('PATCH', `/v1/jobs/${id}`, large)).status).toBe(413);
    expect((await call('POST', '/v1/jobs/reset', large)).status).toBe(413);
  });

  it('reads four at a time, whatever their clients do', async () => {
    const stalled = Array.from({ length: 4 }, () => connect(api.socketPath));
    for (const socket of stalled) {
      socket.write(
        `POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n{`,
      );
    }
    const large = { displayName: 'x'.repeat(400_000) };
    const untilCode = async (code: string) => {
      while ((await call('POST', '/v1/jobs', large)).body.code !== code) await new Promise(setImmediate);
    };
    await untilCode('E_BUSY');
    expect((await call('POST', '/v1/jobs', { displayName: 'small' })).status).toBe(201);
    for (const socket of stalled) socket.destroy();
    await untilCode('BG_E_STRING_TOO_LONG');
  });
});
