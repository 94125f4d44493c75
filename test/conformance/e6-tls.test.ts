import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/job/model/view.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { tempDir } from '../support/temp-dir.ts';
import { covers } from './support/covers.ts';
import { jobIn, outcome } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';
import { type Flaw, type PemPair, TestAuthority } from './support/tls-origins.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let authority: TestAuthority;
let revoked: PemPair;
let bench: JobBench;
beforeAll(async () => {
  dir = await tempDir();
  authority = await TestAuthority.create();
  revoked = await authority.issue();
  const [caFile, crlFile] = [join(dir.path, 'ca.pem'), join(dir.path, 'crl.pem')];
  await writeFile(caFile, authority.pem);
  await writeFile(crlFile, await authority.revoke(revoked));
  bench = await JobBench.open({ config: { origin: { caFile, crlFile } } });
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

/** What becomes of a file from an origin that shows this certificate. */
async function fetched(tls: PemPair, job: Readonly<Record<string, unknown>>): Promise<JobView> {
  await using origin = await OriginServer.start({ tls });
  const { add, content } = bench.file();
  const remoteUrl = origin.serve('/file', { content: bytesContent(content) });
  return await outcome(bench.admin, { files: [{ ...add, remoteUrl }], ...job });
}

describe('certificates of origins', () => {
  const REFUSED = {
    state: 'ERROR',
    error: { code: 'ERROR_WINHTTP_SECURE_FAILURE', kind: 'fatal', hresult: '0x80072F8F' },
  };
  const FLAWS: readonly (readonly [row: string, flag: number, flaw: Flaw])[] = [
    ['name', 0x2, { host: 'elsewhere.test' }],
    ['date', 0x4, { expired: true }],
    ['usage', 0x10, { usage: 'client' }],
  ];

  it.each(
    FLAWS.map(
      ([row, ...rest]) =>
        [
          covers(['E.6/securityFlags/strict', `E.6/securityFlags/${row}`, 'H/ERROR_WINHTTP_SECURE_FAILURE'], row),
          ...rest,
        ] as const,
    ),
  )('%s is overlooked with its own flag only', async (_, flag, flaw) => {
    const tls = await authority.issue(flaw);
    expect(await fetched(tls, { securityFlags: 0 })).toMatchObject(REFUSED);
    expect(await fetched(tls, { securityFlags: 0x1e & ~flag })).toMatchObject(REFUSED);
    expect((await fetched(tls, { securityFlags: flag })).state).toBe('TRANSFERRED');
  });

  it(covers('E.6/securityFlags/authority'), async () => {
    const tls = await (await TestAuthority.create()).issue();
    expect(await fetched(tls, { securityFlags: 0x1e & ~0x8 })).toMatchObject(REFUSED);
    expect((await fetched(tls, { securityFlags: 0x8 })).state).toBe('TRANSFERRED');
  });

  it(covers('E.6/securityFlags/revocation'), async () => {
    expect((await fetched(revoked, { securityFlags: 0 })).state).toBe('TRANSFERRED');
    expect(await fetched(revoked, { securityFlags: 0x1 })).toMatchObject(REFUSED);
    expect((await fetched(await authority.issue(), { securityFlags: 0x1 })).state).toBe('TRANSFERRED');
  });
});

describe('redirects', () => {
  /** A job whose file is sent on to another place. */
  async function redirected(securityFlags: number): Promise<{ job: JobView; from: string; to: string }> {
    const target = bench.file();
    const { job, file } = await redirectTo(target.url, securityFlags);
    return { job, from: file, to: target.url };
  }

  async function redirectTo(
    to: string,
    securityFlags: number,
    origin = bench.origin,
  ): Promise<{ job: JobView; file: string }> {
    const { add } = bench.file();
    const from = origin.serve('/elsewhere', { content: bytesContent(Buffer.of(1)), faults: { redirectTo: to } });
    return { job: await outcome(bench.admin, { files: [{ ...add, remoteUrl: from }], securityFlags }), file: from };
  }

  it(covers('E.6/securityFlags/redirect-silent'), async () => {
    const { job, from } = await redirected(0);
    expect(job.state).toBe('TRANSFERRED');
    expect((await bench.admin.file(job.id)).remoteUrl).toBe(from);
  });

  it(covers('E.6/securityFlags/redirect-report'), async () => {
    const { job, to } = await redirected(0x100);
    expect(job.state).toBe('TRANSFERRED');
    expect((await bench.admin.file(job.id)).remoteUrl).toBe(to);
  });

  it(covers('E.6/securityFlags/redirect-disallow'), async () => {
    const { job } = await redirected(0x200);
    expect(job).toMatchObject({ state: 'ERROR', error: { code: 'BG_E_HTTP_ERROR_302' } });
  });

  it(covers('E.6/securityFlags/https-to-http'), async () => {
    await using secure = await OriginServer.start({ tls: await authority.issue() });
    const target = bench.file();
    expect((await redirectTo(target.url, 0, secure)).job.state).toBe('ERROR');
    expect((await redirectTo(target.url, 0x800, secure)).job.state).toBe('TRANSFERRED');
  });
});

describe('client certificates', () => {
  const put = (id: string, pair: PemPair) =>
    bench.admin.ask('PUT', `/v1/jobs/${id}/client-certificate`, { certificatePem: pair.cert, keyPem: pair.key });

  it(covers(['E.6/clientCertificate/used', 'H/ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED']), async () => {
    const { add, content } = bench.file();
    const server = await demanding(await authority.issue(), content);
    try {
      const remoteUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
      const { id, error } = await outcome(bench.admin, { files: [{ ...add, remoteUrl }] });
      expect(error).toMatchObject({ code: 'ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED', kind: 'fatal' });
      await put(id, await authority.issue({ usage: 'client' }));
      await bench.admin.call(id, 'resume');
      await bench.admin.reaches(id, 'TRANSFERRED');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it(covers(['E.6/clientCertificate/hidden', 'E.6/clientCertificate/removed']), async () => {
    const { id } = await jobIn('SUSPENDED', bench);
    const pair = await authority.issue({ usage: 'client' });
    await put(id, pair);
    const job = await bench.admin.get(id);
    expect(job.clientCertificate).toEqual({
      subject: expect.stringContaining('127.0.0.1'),
      sha256: expect.any(String),
    });
    expect(JSON.stringify(job)).not.toContain(pair.key.split('\n')[1]);
    const remove = () => bench.admin.ask('DELETE', `/v1/jobs/${id}/client-certificate`);
    expect([await codeOf(remove()), await codeOf(remove())]).toEqual(['S_OK', 'S_FALSE']);
    expect((await bench.admin.get(id)).clientCertificate).toBeNull();
  });

  it(covers('E.6/clientCertificate/unusable'), async () => {
    const { id } = await jobIn('SUSPENDED', bench);
    const [one, other] = [await authority.issue(), await authority.issue()];
    expect(await codeOf(put(id, { cert: 'nonsense', key: one.key }))).toBe('E_INVALIDARG');
    expect(await codeOf(put(id, { cert: one.cert, key: 'nonsense' }))).toBe('E_INVALIDARG');
    expect(await codeOf(put(id, { cert: one.cert, key: other.key }))).toBe('E_INVALIDARG');
  });
});

/** A server that talks only to clients with a certificate of the authority. */
async function demanding(tls: PemPair, content: Buffer): Promise<Server> {
  const options = { ...tls, ca: authority.pem, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (request, response) => {
    response.writeHead(200, { 'content-length': content.length, etag: '"one"' });
    response.end(request.method === 'HEAD' ? undefined : content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
