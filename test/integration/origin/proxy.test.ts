import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bytesOf, collect, failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { ProxyServer } from '../../support/proxy-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';
import { loopbackCertificate } from '../../support/tls-certificate.ts';

const content = new PseudoRandomFile({ size: 300_000 });
let proxy: ProxyServer;

beforeEach(async () => {
  proxy = await ProxyServer.start();
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
  vi.stubEnv('http_proxy', proxy.url);
  vi.stubEnv('https_proxy', proxy.url);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await proxy[Symbol.asyncDispose]();
});

async function fetchAll(origin: OriginFixture): Promise<Buffer> {
  const got = collect();
  await origin.client.source(await origin.probe()).fetch({ start: 0, end: 300_000 }, got.sink, never);
  return got.bytes();
}

test('http goes through the proxy of the environment', async () => {
  await using origin = await OriginFixture.open({ origin: { proxy: 'environment' } });
  expect(await fetchAll(origin)).toEqual(bytesOf(content));
  expect(proxy.seen).toEqual([`HEAD ${origin.server.url('/file')}`, `GET ${origin.server.url('/file')}`]);
});

test('https goes through a tunnel of the proxy', async () => {
  const tls = await loopbackCertificate();
  await using origin = await OriginFixture.open({
    server: { tls },
    origin: { proxy: 'environment', extraCaPem: tls.cert },
  });
  expect(await fetchAll(origin)).toEqual(bytesOf(content));
  expect(proxy.seen[0]).toBe(`CONNECT 127.0.0.1:${origin.server.port}`);
});

test('no_proxy leads around the proxy', async () => {
  vi.stubEnv('no_proxy', 'example.com,127.0.0.1');
  await using origin = await OriginFixture.open({ origin: { proxy: 'environment' } });
  await fetchAll(origin);
  expect(proxy.seen).toEqual([]);
});

test('proxies can be switched off', async () => {
  await using origin = await OriginFixture.open({ origin: { proxy: 'none' } });
  await fetchAll(origin);
  expect(proxy.seen).toEqual([]);
});

test('a proxy that is named stands above the environment', async () => {
  await using named = await ProxyServer.start();
  vi.stubEnv('no_proxy', '*');
  await using origin = await OriginFixture.open({ origin: { proxy: named.url } });
  expect(await fetchAll(origin)).toEqual(bytesOf(content));
  expect(named.seen).toHaveLength(2);
  expect(proxy.seen).toEqual([]);
});

test('credentials for the proxy come from its URL', async () => {
  proxy.credentials = `Basic ${Buffer.from('me:word').toString('base64')}`;
  vi.stubEnv('http_proxy', proxy.url.replace('//', '//me:word@'));
  await using origin = await OriginFixture.open({ origin: { proxy: 'environment' } });
  expect(await fetchAll(origin)).toEqual(bytesOf(content));
});

test.each(['http', 'https'])('a proxy that wants a login is told as such for %s', async (scheme) => {
  proxy.credentials = 'Basic unknown';
  const tls = await loopbackCertificate();
  const server = scheme === 'https' ? { tls } : {};
  await using origin = await OriginFixture.open({ server, origin: { proxy: 'environment', extraCaPem: tls.cert } });
  const error = await failureOf(origin.probe());
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 407 } });
  expect(error.hint).toContain('proxy');
});

test('a proxy that is down is told as unreachable', async () => {
  await proxy[Symbol.asyncDispose]();
  await using origin = await OriginFixture.open({ origin: { proxy: 'environment' } });
  expect((await failureOf(origin.probe())).code).toBe('E_ORIGIN_UNREACHABLE');
  proxy = await ProxyServer.start();
});
