import { expect, test } from 'vitest';
import type { OriginCredential } from '../../../src/origin/job-settings.ts';
import { credential, fetchRanges, jobSession } from '../../support/job-session.ts';
import { type GuardOptions, LoginGuard } from '../../support/login-guard.ts';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { OriginServer } from '../../support/origin-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';

const content = new PseudoRandomFile({ size: 300_000 });
const RANGES = [
  { start: 0, end: 10 },
  { start: 10, end: 20 },
  { start: 20, end: 30 },
];
const DIGEST = { scheme: 'Digest', user: 'me', password: 'word' } as const;

async function guarded(options: GuardOptions): Promise<{ readonly guard: LoginGuard; readonly origin: OriginFixture }> {
  const guard = new LoginGuard(options);
  return { guard, origin: await OriginFixture.open({ server: { intercept: guard.intercept } }) };
}

test.each<[string, GuardOptions, OriginCredential]>([
  ['Basic', { scheme: 'Basic', user: 'me', password: 'wört:' }, credential('BASIC', { password: 'wört:' })],
  ['Bearer', { scheme: 'Bearer', password: 'to-ken==' }, credential('BEARER', { password: 'to-ken==' })],
  ['Digest MD5', { ...DIGEST, algorithm: 'MD5' }, credential('DIGEST')],
  ['Digest SHA-256', { ...DIGEST, algorithm: 'SHA-256' }, credential('DIGEST')],
  ['Digest MD5-sess', { ...DIGEST, algorithm: 'MD5-sess' }, credential('DIGEST')],
  ['Digest SHA-256-sess', { ...DIGEST, algorithm: 'SHA-256-sess' }, credential('DIGEST')],
])('a job logs in with %s, and pays one round trip for all of its requests', async (_, options, login) => {
  const { guard, origin } = await guarded(options);
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [login] });
  expect(await fetchRanges(session, `${origin.serve()}?q=a%20b`, RANGES)).toEqual(content.read(0, 30));
  // HEAD, HEAD again, three ranges.
  expect(guard.seen).toHaveLength(5);
  expect(guard.seen[0]).toBeNull();
  expect(guard.seen.slice(1)).not.toContain(null);
});

test('ranges side by side share a login', async () => {
  const { guard, origin } = await guarded({ scheme: 'Basic', user: 'me', password: 'word' });
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [credential('BASIC')] });
  const source = session.source(await session.probe(origin.serve(), { signal: never }));
  await Promise.all(RANGES.map((range) => source.fetch(range, () => {}, never)));
  expect(guard.seen).toHaveLength(5);
});

test('a nonce that ran out is replaced', async () => {
  const { guard, origin } = await guarded({ ...DIGEST, algorithm: 'SHA-256', nonceUses: 2 });
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [credential('DIGEST')] });
  expect(await fetchRanges(session, origin.serve(), RANGES)).toEqual(content.read(0, 30));
  const nonces = guard.seen.map((value) => /nonce="(nonce-\d)"/.exec(value ?? '')?.[1]);
  expect(nonces).toEqual([undefined, 'nonce-1', 'nonce-1', 'nonce-1', 'nonce-2', 'nonce-2']);
});

test('the strongest scheme that both know is taken', async () => {
  const others = ['Negotiate', 'Basic realm="x", Bearer', 'Digest realm="place", nonce="n", algorithm=SHA-512-256'];
  const { guard, origin } = await guarded({ ...DIGEST, others });
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [credential('BASIC'), credential('DIGEST')] });
  await fetchRanges(session, origin.serve());
  expect(guard.seen[1]).toMatch(/^Digest .*algorithm=MD5/);
});

test.each<[string, GuardOptions, OriginCredential]>([
  ['Basic', { scheme: 'Basic', user: 'me', password: 'word' }, credential('BASIC', { password: 'secret' })],
  ['Bearer', { scheme: 'Bearer', password: 'token' }, credential('BEARER', { password: 'secret' })],
  ['Digest', DIGEST, credential('DIGEST', { password: 'secret' })],
])('a wrong password for %s is told after one try', async (_, options, login) => {
  const { guard, origin } = await guarded(options);
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [login] });
  const error = await failureOf(session.probe(origin.serve(), { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 401 } });
  expect(error.hint).toContain('refuses the credentials');
  expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain('secret');
  expect(guard.seen).toHaveLength(2);
});

test('a password that is changed while the job runs is told', async () => {
  let guard = new LoginGuard(DIGEST);
  await using origin = await OriginFixture.open({ server: { intercept: (a, b) => guard.intercept(a, b) } });
  await using session = jobSession(origin.client, { credentials: [credential('DIGEST')] });
  const source = session.source(await session.probe(origin.serve(), { signal: never }));
  guard = new LoginGuard({ ...DIGEST, password: 'other' });
  expect(await failureOf(source.fetch({ start: 0, end: 1 }, () => {}, never))).toMatchObject({
    code: 'E_ORIGIN_STATUS',
    details: { status: 401 },
  });
});

test('schemes that the job cannot use are named', async () => {
  const { guard, origin } = await guarded({ scheme: 'Bearer', password: 'x', others: ['NTLM', 'Negotiate YWJj'] });
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [credential('BASIC')] });
  const error = await failureOf(session.probe(origin.serve(), { signal: never }));
  expect(error).toMatchObject({
    code: 'E_ORIGIN_STATUS',
    details: { status: 401, offered: ['ntlm', 'negotiate', 'bearer'] },
  });
  expect(error.hint).toContain('ntlm, negotiate, bearer');
  expect(guard.seen).toEqual([null]);
});

test('a server that calls every nonce stale does not keep the job busy', async () => {
  const { guard, origin } = await guarded({ ...DIGEST, nonceUses: 0 });
  await using _origin = origin;
  await using session = jobSession(origin.client, { credentials: [credential('DIGEST')] });
  const error = await failureOf(session.probe(origin.serve(), { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 401 } });
  expect(guard.seen).toHaveLength(4);
});

test('credentials never go to where a redirect leads', async () => {
  const guard = new LoginGuard({ scheme: 'Basic', user: 'me', password: 'word' });
  await using other = await OriginServer.start({ intercept: guard.intercept });
  const own = new LoginGuard({ scheme: 'Basic', user: 'me', password: 'word' });
  await using origin = await OriginFixture.open({ server: { intercept: own.intercept } });
  await using session = jobSession(origin.client, { credentials: [credential('BASIC')] });
  const url = origin.serve({ faults: { redirectTo: other.serve('/end', { content }) } }, '/start');
  const error = await failureOf(session.probe(url, { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 401 } });
  expect(own.seen).toEqual([null, expect.stringMatching(/^Basic /)]);
  expect(guard.seen).toEqual([null]);
});

test('content that took a login is not shared, and one session knows nothing of the logins of another', async () => {
  const { guard, origin } = await guarded({ scheme: 'Basic', user: 'me', password: 'word' });
  await using _origin = origin;
  const settings = { credentials: [credential('BASIC')] };
  await using first = jobSession(origin.client, settings);
  const file = await first.probe(origin.serve(), { signal: never });
  expect(file.share).toEqual({ allowed: false, reason: 'credentials' });
  expect(file.responseHeaders).not.toHaveProperty('www-authenticate');
  await using second = jobSession(origin.client, {});
  expect(await failureOf(second.probe(file.url, { signal: never }))).toMatchObject({ details: { status: 401 } });
  expect(guard.seen.at(-1)).toBeNull();
});
