import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { fetchRanges, jobSession } from '../../support/job-session.ts';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { TlsAuthority, type TlsPair } from '../../support/tls-authority.ts';

const authority = await TlsAuthority.create();
const serverPair = await authority.leaf();
const clientPair = await authority.leaf({ use: 'client' });
const asSetting = ({ cert, key }: TlsPair) => ({ clientCertificate: { certificatePem: cert, keyPem: key } });

/** An origin that asks for a client certificate, and with `insist` gives nothing without a good one. */
async function startServer(
  insist: boolean,
  maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
): Promise<AsyncDisposable & { readonly url: string; readonly subjects: (string | undefined)[] }> {
  const subjects: (string | undefined)[] = [];
  const options = { ...serverPair, ca: authority.pem, requestCert: true, rejectUnauthorized: insist, maxVersion };
  const server = createServer(options, (request, response) => {
    subjects.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
    response.writeHead(200, { etag: '"a"', 'accept-ranges': 'bytes', 'content-length': 4 });
    response.end(request.method === 'HEAD' ? undefined : 'file');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/file`,
    subjects,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const open = () => OriginFixture.open({ origin: { extraCaPem: authority.pem } });

test('a job shows its client certificate, and what it fetched is not shared', async () => {
  await using server = await startServer(true);
  await using origin = await open();
  await using session = jobSession(origin.client, asSetting(clientPair));
  expect((await fetchRanges(session, server.url, [{ start: 0, end: 4 }])).toString()).toBe('file');
  expect(server.subjects).toEqual(['leaf', 'leaf']);
  const file = await session.probe(server.url, { signal: never });
  expect(file.share).toEqual({ allowed: false, reason: 'credentials' });
});

test('an origin that wants a client certificate is told as such', async () => {
  await using server = await startServer(true);
  await using origin = await open();
  const error = await failureOf(origin.client.probe(server.url, { signal: never }));
  expect(error).toMatchObject({ code: 'ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED', details: { certificate: true } });
  expect(error.hint).toContain('client certificate');
});

test('before TLS 1.3 the same is only a guess', async () => {
  await using server = await startServer(true, 'TLSv1.2');
  await using origin = await open();
  const error = await failureOf(origin.client.probe(server.url, { signal: never }));
  expect(error).toMatchObject({ code: 'E_ORIGIN_UNREACHABLE', hint: expect.stringContaining('client certificate') });
});

test('a client certificate goes to the origin that the job names and not to where a redirect leads', async () => {
  await using server = await startServer(false);
  await using origin = await OriginFixture.open({ server: { tls: serverPair }, origin: { extraCaPem: authority.pem } });
  await using session = jobSession(origin.client, asSetting(clientPair));
  const url = origin.serve({ faults: { redirectTo: server.url } });
  expect(await session.probe(url, { signal: never })).toMatchObject({ finalUrl: server.url, size: 4 });
  expect(server.subjects).toEqual(['undefined']);
});

test.each([
  ['garbage', { certificatePem: 'x', keyPem: 'y' }],
  ['the key of another', { certificatePem: clientPair.cert, keyPem: serverPair.key }],
])('a client certificate that cannot be used is refused without showing it: %s', async (_, clientCertificate) => {
  await using origin = await open();
  const attempt = async () => jobSession(origin.client, { clientCertificate });
  const error = await failureOf(attempt());
  expect(error.code).toBe('E_INVALIDARG');
  expect(error).not.toHaveProperty('cause');
});
