import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { fetchRanges, jobSession } from '../../support/job-session.ts';
import { bytesOf, collect, failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { OriginServer } from '../../support/origin-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';
import { TlsAuthority } from '../../support/tls-authority.ts';

const content = new PseudoRandomFile({ size: 300_000 });

test('a job that sets nothing shares the connections of the client and leaves them when it ends', async () => {
  await using origin = await OriginFixture.open();
  let connections = 0;
  origin.server.onConnection(() => connections++);
  const session = jobSession(origin.client, {});
  const { url } = await session.probe(origin.serve(), { signal: never });
  await session.close();
  await origin.client.probe(url, { signal: never });
  expect(connections).toBe(1);
});

test('a session with connections of its own ends them', async () => {
  await using origin = await OriginFixture.open();
  const session = jobSession(origin.client, { proxy: { usage: 'NO_PROXY' }, tls: { ...tlsAll } });
  await fetchRanges(session, origin.serve());
  await session.close();
  await session.close();
  expect((await failureOf(session.probe(origin.server.url('/file'), { signal: never }))).code).toMatch(/^E_ORIGIN_/);
  await fetchRanges(origin.client, origin.server.url('/file'));
});

const tlsAll = {
  ignoreWrongName: true,
  ignoreWrongDate: true,
  ignoreUnknownAuthority: true,
  ignoreWrongUsage: true,
  checkRevocation: false,
};

test('the headers of a job are sent, and those of one request come on top', async () => {
  await using origin = await OriginFixture.open();
  await using session = jobSession(origin.client, { headers: { 'X-Job': 'a', Accept: 'text/plain' } });
  await session.probe(origin.serve(), { signal: never, requestHeaders: { accept: 'text/html' } });
  expect(origin.server.seen[0]?.headers).toMatchObject({ 'x-job': 'a', accept: 'text/html' });
});

test.each([301, 302, 303, 307, 308])('a job that allows no redirects is told of a %i', async (redirectStatus) => {
  await using origin = await OriginFixture.open();
  await using session = jobSession(origin.client, { redirects: 'disallow' });
  const url = origin.serve({ faults: { redirectTo: '/end', redirectStatus } }, '/start');
  const error = await failureOf(session.probe(url, { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: redirectStatus } });
  expect(origin.server.seen).toHaveLength(1);
});

test('a source tells where redirects led last', async () => {
  await using origin = await OriginFixture.open();
  await using session = jobSession(origin.client, { redirects: 'report' });
  origin.serve({}, '/a');
  const url = origin.serve({ faults: { redirectTo: '/a' } }, '/start');
  const file = await session.probe(url, { signal: never });
  const source = session.source(file);
  expect([file.finalUrl, source.finalUrl]).toEqual([origin.server.url('/a'), origin.server.url('/a')]);
  origin.serve({ faults: { status: 410 } }, '/a');
  origin.serve({}, '/b');
  origin.serve({ faults: { redirectTo: '/b' } }, '/start');
  await source.fetch({ start: 0, end: 1 }, () => {}, never);
  expect(source.finalUrl).toBe(origin.server.url('/b'));
  const whole = await session.fetchWhole(file, () => {}, never);
  expect(whole.finalUrl).toBe(origin.server.url('/b'));
});

test('https leads to http only where the job allows it, and takes no secret along', async () => {
  const authority = await TlsAuthority.create();
  await using plain = await OriginServer.start();
  await using origin = await OriginFixture.open({
    server: { tls: await authority.leaf() },
    origin: { extraCaPem: authority.pem },
  });
  const url = origin.serve({ faults: { redirectTo: plain.serve('/end', { content }) } }, '/start');
  const headers = { 'x-key': 'secret' };
  await using strict = jobSession(origin.client, { headers });
  expect((await failureOf(strict.probe(url, { signal: never }))).code).toBe('E_ORIGIN_PROTOCOL');
  await using allowed = jobSession(origin.client, { headers, allowHttpsToHttp: true });
  expect(await fetchRanges(allowed, url)).toEqual(content.read(0, 1));
  for (const request of plain.seen) expect(request.headers).not.toHaveProperty('x-key');
});

test.each(['POST', 'PUT', 'REPORT'])('a file is fetched whole, at once and unshared with %s', async (method) => {
  await using origin = await OriginFixture.open();
  await using session = jobSession(origin.client, { method });
  const file = await session.probe(origin.serve(), { signal: never });
  expect(origin.server.seen).toEqual([]);
  expect(file).toMatchObject({ size: null, version: null, share: { allowed: false, reason: 'method' } });
  const got = collect();
  const whole = await session.fetchWhole(file, got.sink, never);
  expect(got.bytes()).toEqual(bytesOf(content));
  expect(whole).toMatchObject({
    size: 300_000,
    finalUrl: file.url,
    share: { allowed: false, reason: 'method' },
    responseHeaders: { etag: '"size-300000"' },
  });
  const { headers } = origin.server.seen[0] ?? {};
  expect(origin.server.seen.map((request) => request.method)).toEqual([method]);
  expect(headers).not.toHaveProperty('range');
  expect(headers?.['content-length']).toBe(method === 'REPORT' ? undefined : '0');
});

test.each([
  [302, 'GET'],
  [303, 'GET'],
  [307, 'POST'],
  [308, 'POST'],
])('after a %i a POST goes on as %s', async (redirectStatus, method) => {
  await using origin = await OriginFixture.open();
  await using session = jobSession(origin.client, { method: 'POST' });
  origin.serve({}, '/end');
  const url = origin.serve({ faults: { redirectTo: '/end', redirectStatus } }, '/start');
  await session.fetchWhole(await session.probe(url, { signal: never }), () => {}, never);
  expect(origin.server.seen.map((request) => request.method)).toEqual(['POST', method]);
});

test('a POST whose connection breaks is not sent twice', async () => {
  await using origin = await OriginFixture.open();
  await using session = jobSession(origin.client, { method: 'POST' });
  const file = await session.probe(origin.serve(), { signal: never });
  await session.fetchWhole(file, () => {}, never);
  origin.serve({ faults: { closeAtOnce: true } });
  expect((await failureOf(session.fetchWhole(file, () => {}, never))).code).toBe('E_ORIGIN_UNREACHABLE');
  expect(origin.server.seen).toHaveLength(2);
});

test('a file that is larger than the job takes is refused', async () => {
  await using origin = await OriginFixture.open({ origin: { maxFileBytes: 400_000 } });
  await using session = jobSession(origin.client, { maxFileBytes: 299_999 });
  expect(await failureOf(session.probe(origin.serve(), { signal: never }))).toMatchObject({
    code: 'E_ORIGIN_PROTOCOL',
    details: { limit: 'maxFileBytes' },
  });
  await using lax = jobSession(origin.client, { maxFileBytes: 500_000 });
  const larger = { content: new PseudoRandomFile({ size: 400_001 }) };
  expect((await failureOf(lax.probe(origin.serve(larger), { signal: never }))).details.limit).toBe('maxFileBytes');
});

test('MIME parts are refused where one range was asked for', async () => {
  const intercept = (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.range === undefined) return false;
    response.writeHead(206, {
      'content-type': 'multipart/byteranges; boundary=x',
      'content-range': 'bytes 0-0/300000',
      'content-length': 1,
    });
    response.end('x');
    return true;
  };
  await using origin = await OriginFixture.open({ server: { intercept } });
  const multipart = { code: 'E_ORIGIN_PROTOCOL', details: { status: 206, reason: 'multipart' } };
  expect(await failureOf(fetchRanges(origin.client, origin.serve()))).toMatchObject(multipart);
  const silent = origin.serve({ faults: { silentRanges: true } });
  expect(await failureOf(origin.client.probe(silent, { signal: never }))).toMatchObject(multipart);
});

test('a name that is not known and a port that is closed can be told apart', async () => {
  await using origin = await OriginFixture.open();
  const closed = origin.serve();
  await origin.server.stop();
  expect((await failureOf(origin.client.probe(closed, { signal: never }))).details.reason).toBe('ECONNREFUSED');
  const unknown = await failureOf(origin.client.probe('http://name.invalid/', { signal: never }));
  expect(unknown.details.reason).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
});
