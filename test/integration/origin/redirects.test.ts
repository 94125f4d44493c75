import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesOf, collect, failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { OriginServer } from '../../support/origin-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';
import { loopbackCertificate } from '../../support/tls-certificate.ts';

const content = new PseudoRandomFile({ size: 300_000 });
const signal = never;
let origin: OriginFixture;
let other: OriginServer;

beforeEach(async () => {
  origin = await OriginFixture.open();
  other = await OriginServer.start();
});

afterEach(async () => {
  await origin[Symbol.asyncDispose]();
  await other.stop();
});

test.each([301, 302, 303, 307, 308])('status %i is followed by HEAD and GET alike', async (redirectStatus) => {
  const end = origin.serve({}, '/end');
  const url = origin.serve({ faults: { redirectTo: '/middle', redirectStatus } }, '/start');
  origin.serve({ faults: { redirectTo: end, redirectStatus } }, '/middle');
  const file = await origin.client.probe(url, { signal });
  expect(file).toMatchObject({ url, finalUrl: end, size: 300_000 });
  const got = collect();
  await origin.client.source(file).fetch({ start: 10, end: 20 }, got.sink, signal);
  expect(got.bytes()).toEqual(content.read(10, 20));
});

test('a source goes straight to where redirects led', async () => {
  origin.serve({}, '/end');
  const file = await origin.client.probe(origin.serve({ faults: { redirectTo: '/end' } }, '/start'), { signal });
  origin.server.resetStats();
  await origin.client.source(file).fetch({ start: 0, end: 5 }, () => {}, signal);
  expect(origin.server.seen.map((request) => request.path)).toEqual(['/end']);
});

test('a link that expired is asked for again at the URL of the job, once', async () => {
  origin.serve({}, '/signed-1');
  const url = origin.serve({ faults: { redirectTo: '/signed-1' } }, '/start');
  const source = origin.client.source(await origin.client.probe(url, { signal }));
  origin.serve({ faults: { status: 403 } }, '/signed-1');
  origin.serve({ faults: { redirectTo: '/signed-2' } }, '/start');
  origin.serve({}, '/signed-2');
  origin.server.resetStats();
  await source.fetch({ start: 0, end: 5 }, () => {}, signal);
  await source.fetch({ start: 5, end: 9 }, () => {}, signal);
  expect(origin.server.seen.map((request) => request.path)).toEqual(['/signed-1', '/start', '/signed-2', '/signed-2']);
});

test('a link that stays expired fails with its status', async () => {
  origin.serve({}, '/signed-1');
  const url = origin.serve({ faults: { redirectTo: '/signed-1' } }, '/start');
  const source = origin.client.source(await origin.client.probe(url, { signal }));
  origin.serve({ faults: { status: 410 } }, '/signed-1');
  expect(await failureOf(source.fetch({ start: 0, end: 5 }, () => {}, signal))).toMatchObject({
    code: 'E_ORIGIN_STATUS',
    details: { status: 410 },
  });
});

test('a loop is found', async () => {
  origin.serve({ faults: { redirectTo: '/b' } }, '/a');
  origin.serve({ faults: { redirectTo: '/a' } }, '/b');
  const error = await failureOf(origin.client.probe(origin.server.url('/a'), { signal }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_PROTOCOL', message: expect.stringContaining('loop') });
  expect(origin.server.stats.requests).toBe(2);
});

test('an endless chain ends at the limit', async () => {
  await using server = await OriginServer.start({
    resolve: (url) => ({ content, faults: { redirectTo: `/${Number(url.pathname.slice(1)) + 1}` } }),
  });
  const error = await failureOf(origin.client.probe(server.url('/0'), { signal }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_PROTOCOL', message: expect.stringContaining('more than 10 times') });
  expect(server.stats.requests).toBe(11);
});

test('a redirect without a Location is an error with its status', async () => {
  const error = await failureOf(origin.probe({ faults: { status: 302 } }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 302 } });
});

test('credentials stay with the origin that was named', async () => {
  const url = origin.serve({ faults: { redirectTo: other.serve('/end', { content }) } }, '/start');
  const requestHeaders = { authorization: 'Bearer secret', cookie: 'a=b', 'x-token': 'secret', accept: 'text/plain' };
  const file = await origin.client.probe(url, { signal, requestHeaders });
  await origin.client.source(file).fetch({ start: 0, end: 5 }, () => {}, signal);
  expect(origin.server.seen[0]?.headers).toMatchObject(requestHeaders);
  expect(other.seen.map((request) => request.method)).toEqual(['HEAD', 'GET']);
  for (const { headers } of other.seen) {
    expect(headers.accept).toBe('text/plain');
    expect(JSON.stringify(headers)).not.toMatch(/secret|a=b/);
  }
});

test('https is never left for http', async () => {
  const tls = await loopbackCertificate();
  await using secure = await OriginFixture.open({ server: { tls }, origin: { extraCaPem: tls.cert } });
  const url = secure.serve({ faults: { redirectTo: other.serve('/end', { content }) } }, '/start');
  const error = await failureOf(secure.client.probe(url, { signal }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_PROTOCOL', message: expect.stringContaining('https') });
  expect(other.stats.requests).toBe(0);
});

test('http may lead to https, and both work', async () => {
  const tls = await loopbackCertificate();
  await using secure = await OriginFixture.open({ server: { tls }, origin: { extraCaPem: tls.cert } });
  const url = other.serve('/start', { content, faults: { redirectTo: secure.serve() } });
  const file = await secure.client.probe(url, { signal });
  const got = collect();
  await secure.client.source(file).fetch({ start: 0, end: 300_000 }, got.sink, signal);
  expect(got.bytes()).toEqual(bytesOf(content));
});

test('a certificate that nobody vouches for is told as such', async () => {
  const tls = await loopbackCertificate();
  await using secure = await OriginFixture.open({ server: { tls } });
  const error = await failureOf(secure.probe());
  expect(error).toMatchObject({ code: 'E_ORIGIN_UNREACHABLE', message: expect.stringContaining('certificate') });
});

test('HEAD, its redirects and the GET share one connection', async () => {
  let connections = 0;
  origin.server.onConnection(() => connections++);
  origin.serve({}, '/end');
  const file = await origin.client.probe(origin.serve({ faults: { redirectTo: '/end' } }, '/start'), { signal });
  await origin.client.source(file).fetch({ start: 0, end: 5 }, () => {}, signal);
  expect(connections).toBe(1);
});
