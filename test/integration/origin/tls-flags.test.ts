import { expect, test } from 'vitest';
import type { TlsLeniency } from '../../../src/origin/job-settings.ts';
import { fetchRanges, jobSession, tlsFlags } from '../../support/job-session.ts';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { ProxyServer } from '../../support/proxy-server.ts';
import { PseudoRandomFile } from '../../support/pseudo-random-file.ts';
import { type LeafOptions, TlsAuthority } from '../../support/tls-authority.ts';
import { loopbackCertificate } from '../../support/tls-certificate.ts';

type Flag = keyof TlsLeniency;

const content = new PseudoRandomFile({ size: 300_000 });
const trusted = await TlsAuthority.create('Trusted');
const unknown = await TlsAuthority.create('Unknown');
const FLAGS: readonly Flag[] = ['ignoreWrongName', 'ignoreWrongDate', 'ignoreUnknownAuthority', 'ignoreWrongUsage'];
const EXPIRED = { fromDays: -2, toDays: -1 };
const EARLY = { fromDays: 1, toDays: 2 };
const OTHER_NAME = { ip: '127.0.0.9' };
const CLIENT = { use: 'client' } as const;

async function openLeaf(
  options: LeafOptions,
  authority = trusted,
  crlPem: string | null = null,
): Promise<OriginFixture> {
  const tls = await authority.leaf(options);
  return await OriginFixture.open({ server: { tls }, origin: { extraCaPem: trusted.pem, crlPem } });
}

async function outcome(origin: OriginFixture, flags: readonly Flag[]): Promise<unknown> {
  const tls = tlsFlags(Object.fromEntries(flags.map((flag) => [flag, true])));
  await using session = jobSession(origin.client, { tls });
  const url = origin.serve();
  return await fetchRanges(session, url, [{ start: 0, end: 5 }]).then(
    (bytes) => (bytes.equals(content.read(0, 5)) ? 'fetched' : 'wrong bytes'),
    ({ code, details }) => {
      expect(code).toBe('E_ORIGIN_UNREACHABLE');
      expect(details).toMatchObject({ certificate: true });
      return details.reason;
    },
  );
}

test.each<[Flag, string, LeafOptions, TlsAuthority]>([
  ['ignoreWrongName', 'ERR_TLS_CERT_ALTNAME_INVALID', OTHER_NAME, trusted],
  ['ignoreWrongDate', 'CERT_HAS_EXPIRED', EXPIRED, trusted],
  ['ignoreWrongDate', 'CERT_NOT_YET_VALID', EARLY, trusted],
  ['ignoreUnknownAuthority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', {}, unknown],
  ['ignoreWrongUsage', 'INVALID_PURPOSE', CLIENT, trusted],
])('%s overlooks %s, which no other flag does', async (flag, reason, options, authority) => {
  await using origin = await openLeaf(options, authority);
  expect(await outcome(origin, [])).toBe(reason);
  expect(
    await outcome(
      origin,
      FLAGS.filter((other) => other !== flag),
    ),
  ).toBe(reason);
  expect(await outcome(origin, [flag])).toBe('fetched');
});

test('a self-signed certificate is of an unknown authority', async () => {
  await using origin = await OriginFixture.open({ server: { tls: await loopbackCertificate() } });
  expect(await outcome(origin, ['ignoreWrongDate', 'ignoreWrongName', 'ignoreWrongUsage'])).toBe(
    'DEPTH_ZERO_SELF_SIGNED_CERT',
  );
  expect(await outcome(origin, ['ignoreUnknownAuthority'])).toBe('fetched');
});

// The verdict of OpenSSL names one fault only; what is overlooked must not hide the others.
test.each<[string, LeafOptions, TlsAuthority, readonly Flag[], string]>([
  ['wrong date', EXPIRED, unknown, ['ignoreWrongDate'], 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ['wrong date', { ...EXPIRED, ...CLIENT }, trusted, ['ignoreWrongDate'], 'INVALID_PURPOSE'],
  ['wrong date', { ...EXPIRED, ...OTHER_NAME }, trusted, ['ignoreWrongDate'], 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['wrong usage', CLIENT, unknown, ['ignoreWrongUsage'], 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['unknown authority', CLIENT, unknown, ['ignoreUnknownAuthority'], 'INVALID_PURPOSE'],
  ['unknown authority', OTHER_NAME, unknown, ['ignoreUnknownAuthority'], 'ERR_TLS_CERT_ALTNAME_INVALID'],
])('behind an overlooked %s another fault is found: %j', async (_, options, authority, flags, reason) => {
  await using origin = await openLeaf(options, authority);
  expect(await outcome(origin, flags)).toBe(reason);
});

test('with all flags all faults together are overlooked, again and again', async () => {
  await using origin = await openLeaf({ ...EXPIRED, ...OTHER_NAME, ...CLIENT }, unknown);
  await using session = jobSession(origin.client, {
    tls: tlsFlags(Object.fromEntries(FLAGS.map((flag) => [flag, true]))),
  });
  for (let turn = 0; turn < 3; turn++) {
    expect(await fetchRanges(session, origin.serve())).toEqual(content.read(0, 1));
    origin.server.closeIdle();
  }
});

test('a good certificate is good for every flag', async () => {
  await using origin = await openLeaf({});
  for (const flag of FLAGS) expect(await outcome(origin, [flag])).toBe('fetched');
});

test('the flags hold behind a proxy, too', async () => {
  await using proxy = await ProxyServer.start();
  await using origin = await openLeaf(EXPIRED);
  const direct = { proxy: { usage: 'OVERRIDE', list: [proxy.url], bypass: [] } } as const;
  await using strict = jobSession(origin.client, direct);
  expect(await failureOf(strict.probe(origin.serve(), { signal: never }))).toMatchObject({
    details: { certificate: true, reason: 'CERT_HAS_EXPIRED' },
  });
  await using lenient = jobSession(origin.client, { ...direct, tls: tlsFlags({ ignoreWrongDate: true }) });
  expect(await fetchRanges(lenient, origin.serve())).toEqual(content.read(0, 1));
});

test.each<[string, LeafOptions, readonly string[] | null, readonly Flag[], string]>([
  ['a certificate that is not on the list', { serialNumber: '0b' }, ['0a'], [], 'fetched'],
  ['a revoked one', { serialNumber: '0a' }, ['0a', '0b'], [], 'CERT_REVOKED'],
  ['a revoked one of the wrong usage', { ...CLIENT, serialNumber: '0a' }, ['0a'], ['ignoreWrongUsage'], 'CERT_REVOKED'],
  [
    'a revoked one out of its time',
    { ...EXPIRED, serialNumber: '0a' },
    ['0a'],
    ['ignoreWrongDate'],
    'CERT_HAS_EXPIRED',
  ],
  ['no list at all', {}, null, [], 'UNABLE_TO_GET_CRL'],
  ['no list at all, but overlooking much', {}, null, FLAGS, 'UNABLE_TO_GET_CRL'],
])('revocation is checked: %s', async (_, options, revoked, flags, result) => {
  const crl = revoked === null ? null : `${await unknown.crl([])}\n${await trusted.crl(revoked)}`;
  await using origin = await openLeaf(options, trusted, crl);
  expect(await outcome(origin, ['checkRevocation', ...flags])).toBe(result);
});

test('a list of an unrelated authority is none', async () => {
  await using origin = await openLeaf({}, trusted, await unknown.crl([]));
  expect(await outcome(origin, ['checkRevocation'])).toBe('UNABLE_TO_GET_CRL');
});

test('a list that is none is told when a job wants it', async () => {
  await using origin = await openLeaf({}, trusted, 'garbage');
  expect(() => jobSession(origin.client, { tls: tlsFlags({ checkRevocation: true }) })).toThrow(
    expect.objectContaining({ code: 'E_CONFIG' }),
  );
});

test('http needs no list of revoked certificates', async () => {
  await using origin = await OriginFixture.open();
  expect(await outcome(origin, ['checkRevocation'])).toBe('fetched');
});
