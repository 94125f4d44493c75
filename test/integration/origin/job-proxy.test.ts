import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobProxySettings, OriginCredential } from '../../../src/origin/job-settings.ts';
import { freeTcpPort } from '../../support/free-port.ts';
import { credential, fetchRanges, jobSession } from '../../support/job-session.ts';
import { type GuardOptions, LoginGuard } from '../../support/login-guard.ts';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { ProxyServer } from '../../support/proxy-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';
import { TlsAuthority } from '../../support/tls-authority.ts';

const content = new PseudoRandomFile({ size: 300_000 });
const authority = await TlsAuthority.create();
const tls = await authority.leaf();
let proxy: ProxyServer;

beforeEach(async () => {
  proxy = await ProxyServer.start();
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'no_proxy']) {
    vi.stubEnv(name, '');
  }
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await proxy[Symbol.asyncDispose]();
});

const override = (list: readonly string[], bypass: readonly string[] = []): JobProxySettings => ({
  usage: 'OVERRIDE',
  list,
  bypass,
});
const open = (scheme: string, proxyOption = 'none') =>
  OriginFixture.open({
    server: scheme === 'https' ? { tls } : {},
    origin: { extraCaPem: authority.pem, proxy: proxyOption },
  });

test.each(['http', 'https'])('%s goes through the proxy of the job', async (scheme) => {
  await using origin = await open(scheme);
  await using session = jobSession(origin.client, { proxy: override([proxy.url]) });
  expect(await fetchRanges(session, origin.serve())).toEqual(content.read(0, 1));
  const authorities = `127.0.0.1:${origin.server.port}`;
  const expected = scheme === 'https' ? [`CONNECT ${authorities}`] : [`HEAD http://${authorities}/file`];
  expect(proxy.seen.slice(0, 1)).toEqual(expected);
  const before = proxy.seen.length;
  await fetchRanges(origin.client, origin.server.url('/file'));
  expect(proxy.seen).toHaveLength(before);
});

test.each(['http', 'https'])('the next proxy is taken when one is down, for %s', async (scheme) => {
  await using origin = await open(scheme);
  const down = `127.0.0.1:${await freeTcpPort()}`;
  await using session = jobSession(origin.client, { proxy: override([down, `http://${down}`, proxy.url]) });
  expect(await fetchRanges(session, origin.serve())).toEqual(content.read(0, 1));
  expect(proxy.seen.length).toBeGreaterThan(0);
});

test.each(['http', 'https'])('proxies that are all down are told, for %s', async (scheme) => {
  await using origin = await open(scheme);
  const down = `127.0.0.1:${await freeTcpPort()}`;
  await using session = jobSession(origin.client, { proxy: override([down, down]) });
  const error = await failureOf(session.probe(origin.serve(), { signal: never }));
  expect(error).toMatchObject({
    code: 'E_ORIGIN_UNREACHABLE',
    details: { reason: 'ECONNREFUSED', proxy: true },
  });
});

test('hosts on the bypass list are reached directly', async () => {
  await using origin = await open('http');
  await using session = jobSession(origin.client, { proxy: override([proxy.url], ['*.test', '127.0.0.1']) });
  await fetchRanges(session, origin.serve());
  expect(proxy.seen).toEqual([]);
});

test('NO_PROXY goes around the proxy of the node', async () => {
  await using origin = await open('http', proxy.url);
  await using session = jobSession(origin.client, { proxy: { usage: 'NO_PROXY' } });
  await fetchRanges(session, origin.serve());
  expect(proxy.seen).toEqual([]);
});

test.each([
  ['an empty list', []],
  ['no URL', ['http://[']],
  ['another kind of proxy', ['socks5://127.0.0.1:1080']],
  ['a path', ['http://127.0.0.1:3128/path']],
  ['a login', ['http://me:word@127.0.0.1:3128']],
])('a list of proxies that cannot be used is refused: %s', async (_, list) => {
  await using origin = await open('http');
  expect(() => jobSession(origin.client, { proxy: override(list) })).toThrow(
    expect.objectContaining({ code: 'BG_E_INVALID_PROXY_INFO', message: expect.not.stringContaining('word') }),
  );
});

const at = (login: OriginCredential): OriginCredential => ({ ...login, target: 'PROXY' });
const LOGINS: readonly [string, GuardOptions, OriginCredential][] = [
  ['Basic', { scheme: 'Basic', user: 'me', password: 'word' }, at(credential('BASIC'))],
  ['Bearer', { scheme: 'Bearer', password: 'word' }, at(credential('BEARER'))],
  ['Digest', { scheme: 'Digest', user: 'me', password: 'word' }, at(credential('DIGEST'))],
  [
    'Digest SHA-256-sess',
    { scheme: 'Digest', user: 'me', password: 'word', algorithm: 'SHA-256-sess' },
    at(credential('DIGEST')),
  ],
];
const CASES = ['http', 'https'].flatMap((scheme) => LOGINS.map((login) => [scheme, ...login] as const));

test.each(CASES)('for %s a job logs in at its proxy with %s', async (scheme, _, options, login) => {
  const guard = new LoginGuard({ ...options, proxy: true });
  proxy.guard = guard.check;
  await using origin = await open(scheme);
  await using session = jobSession(origin.client, { proxy: override([proxy.url]), credentials: [login] });
  const ranges = [
    { start: 0, end: 5 },
    { start: 5, end: 9 },
  ];
  expect(await fetchRanges(session, origin.serve(), ranges)).toEqual(content.read(0, 9));
  expect(guard.seen.filter((value) => value === null)).toHaveLength(1);
  for (const { headers } of origin.server.seen) expect(headers).not.toHaveProperty('proxy-authorization');
});

test.each(CASES)('for %s a wrong password for the proxy with %s is told', async (scheme, _, options, login) => {
  const guard = new LoginGuard({ ...options, proxy: true });
  proxy.guard = guard.check;
  await using origin = await open(scheme);
  const credentials = [{ ...login, password: 'secret' }];
  await using session = jobSession(origin.client, { proxy: override([proxy.url]), credentials });
  const error = await failureOf(session.probe(origin.serve(), { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 407 } });
  expect(error.hint).toContain('proxy refuses the credentials');
  expect(JSON.stringify(error) + error.message).not.toContain('secret');
  expect(guard.seen).toHaveLength(2);
});

test('a job may log in at the proxy of the node, whose other users stay as they are', async () => {
  const guard = new LoginGuard({ scheme: 'Basic', user: 'me', password: 'word', proxy: true });
  proxy.guard = guard.check;
  await using origin = await open('http', proxy.url);
  await using session = jobSession(origin.client, { credentials: [at(credential('BASIC'))] });
  expect(await fetchRanges(session, origin.serve())).toEqual(content.read(0, 1));
  const error = await failureOf(origin.client.probe(origin.server.url('/file'), { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 407 } });
});

test('logins at proxy and origin work together', async () => {
  const atProxy = new LoginGuard({ scheme: 'Digest', user: 'me', password: 'word', proxy: true });
  const atOrigin = new LoginGuard({ scheme: 'Digest', user: 'you', password: 'other' });
  proxy.guard = atProxy.check;
  await using origin = await OriginFixture.open({ server: { intercept: atOrigin.intercept } });
  await using session = jobSession(origin.client, {
    proxy: override([proxy.url]),
    credentials: [at(credential('DIGEST')), credential('DIGEST', { user: 'you', password: 'other' })],
  });
  expect(await fetchRanges(session, origin.serve())).toEqual(content.read(0, 1));
});
