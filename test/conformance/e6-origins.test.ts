import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freeTcpPort } from '../support/free-port.ts';
import { LoginGuard } from '../support/login-guard.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { ProxyServer } from '../support/proxy-server.ts';
import { covers } from './support/covers.ts';
import { jobIn, outcome } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
let proxy: ProxyServer;
beforeAll(async () => {
  bench = await JobBench.open();
  proxy = await ProxyServer.start();
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

describe('proxies', () => {
  const through = (url: string) => proxy.seen.some((request) => request === `GET ${url}`);

  it(covers('E.6/proxy/override'), async () => {
    const file = bench.file();
    const list = [`http://127.0.0.1:${await freeTcpPort()}`, proxy.url];
    const job = await outcome(bench.admin, { files: [file.add], proxy: { usage: 'OVERRIDE', list } });
    expect(job.state).toBe('TRANSFERRED');
    expect(through(file.url)).toBe(true);
  });

  it(covers('E.6/proxy/bypass'), async () => {
    const file = bench.file();
    const use = { usage: 'OVERRIDE', list: [proxy.url], bypass: ['127.0.0.1'] };
    expect((await outcome(bench.admin, { files: [file.add], proxy: use })).state).toBe('TRANSFERRED');
    expect(through(file.url)).toBe(false);
  });

  it(covers('E.6/proxy/no-proxy'), async () => {
    await using proxied = await JobBench.open({ config: { origin: { proxy: proxy.url } } });
    const [preset, direct] = [proxied.file(), proxied.file()];
    await outcome(proxied.admin, { files: [preset.add] });
    await outcome(proxied.admin, { files: [direct.add], proxy: { usage: 'NO_PROXY' } });
    expect([through(preset.url), through(direct.url)]).toEqual([true, false]);
  });

  it(covers(['E.6/proxy/unusable', 'H/BG_E_INVALID_PROXY_INFO']), async () => {
    const use = { usage: 'OVERRIDE', list: ['socks5://127.0.0.1:1'] };
    const job = await outcome(bench.admin, { files: [bench.file().add], proxy: use });
    expect(job).toMatchObject({ state: 'ERROR', error: { code: 'BG_E_INVALID_PROXY_INFO', hresult: '0x8020003F' } });
  });
});

describe('custom headers', () => {
  const customHeaders = { 'X-Key': 'secret', 'X-Other': 'two words' };

  it(covers('E.6/customHeaders/sent'), async () => {
    const { file } = await jobIn('TRANSFERRED', bench, { job: { customHeaders } });
    const requests = bench.origin.seen.filter(({ path }) => path === file.path);
    expect(requests.map(({ headers }) => [headers['x-key'], headers['x-other']])).toEqual(
      requests.map(() => ['secret', 'two words']),
    );
  });

  it(covers('E.6/customHeaders/owner'), async () => {
    const { id } = await bench.alice.create({ customHeaders });
    expect((await bench.alice.get(id)).properties.customHeaders).toEqual(customHeaders);
    expect((await bench.admin.get(id)).properties.customHeaders).toBeNull();
  });

  it(covers('E.6/customHeaders/write-only'), async () => {
    const { id } = await bench.alice.create({ customHeaders, customHeadersWriteOnly: true });
    expect((await bench.alice.get(id)).properties.customHeaders).toBeNull();
    expect(await codeOf(bench.alice.set(id, { customHeadersWriteOnly: false }))).toBe('BG_E_READ_ONLY_PROPERTY');
  });
});

describe('credentials', () => {
  const put = (id: string, credentials: object) =>
    bench.admin.ask('PUT', `/v1/jobs/${id}/credentials`, {
      target: 'SERVER',
      scheme: 'BASIC',
      user: 'u',
      password: 'p',
      ...credentials,
    });
  const LOGIN = { user: 'jane', password: 'open-sesame' };
  const login = (scheme: string) => ({ scheme, ...LOGIN, ...(scheme === 'BEARER' ? { user: null } : {}) });

  it.each(
    (['Basic', 'Digest', 'Bearer'] as const).map(
      (scheme) => [covers(`E.6/credentials/${scheme.toLowerCase()}`), scheme] as const,
    ),
  )('%s', async (_, scheme) => {
    await using origin = await OriginServer.start({ intercept: new LoginGuard({ scheme, ...LOGIN }).intercept });
    const { add, content } = bench.file();
    const files = [{ ...add, remoteUrl: origin.serve('/guarded', { content: bytesContent(content) }) }];
    const job = await outcome(bench.admin, { files });
    expect(job).toMatchObject({ state: 'ERROR', error: { code: 'BG_E_HTTP_ERROR_401' } });
    await put(job.id, login(scheme.toUpperCase()));
    await bench.admin.call(job.id, 'resume');
    await bench.admin.reaches(job.id, 'TRANSFERRED');
  });

  it(covers('E.6/credentials/proxy'), async () => {
    await using locked = await ProxyServer.start();
    locked.guard = new LoginGuard({ scheme: 'Basic', proxy: true, ...LOGIN }).check;
    const use = { usage: 'OVERRIDE', list: [locked.url] };
    const job = await outcome(bench.admin, { files: [bench.file().add], proxy: use });
    expect(job).toMatchObject({ state: 'ERROR', error: { code: 'BG_E_HTTP_ERROR_407' } });
    await put(job.id, { target: 'PROXY', ...login('BASIC') });
    await bench.admin.call(job.id, 'resume');
    await bench.admin.reaches(job.id, 'TRANSFERRED');
  });

  it(covers(['E.6/credentials/replaced', 'E.6/credentials/hidden', 'E.6/credentials/removed']), async () => {
    const { id } = await bench.admin.create();
    await put(id, { user: 'first', password: 'hidden one' });
    await put(id, { scheme: 'DIGEST' });
    await put(id, { target: 'PROXY' });
    await put(id, { user: 'second' });
    const job = await bench.admin.get(id);
    expect(job.credentials.filter(({ target, scheme }) => target === 'SERVER' && scheme === 'BASIC')).toEqual([
      { target: 'SERVER', scheme: 'BASIC', user: 'second' },
    ]);
    expect(job.credentials).toHaveLength(3);
    expect(JSON.stringify(job)).not.toContain('hidden one');
    const remove = () => bench.admin.ask('DELETE', `/v1/jobs/${id}/credentials?target=SERVER&scheme=BASIC`);
    expect(await codeOf(remove())).toBe('S_OK');
    expect(await codeOf(remove())).toBe('S_FALSE');
    expect((await bench.admin.get(id)).credentials).toHaveLength(2);
  });

  it.each<readonly [string, object, string]>([
    [covers('E.6/credentials/user-max'), { user: 'u'.repeat(300) }, 'S_OK'],
    [
      covers(['E.6/credentials/user-too-long', 'H/BG_E_USERNAME_TOO_LARGE']),
      { user: 'u'.repeat(301) },
      'BG_E_USERNAME_TOO_LARGE',
    ],
    [covers('E.6/credentials/password-max'), { password: 'p'.repeat(65_535) }, 'S_OK'],
    [
      covers(['E.6/credentials/password-too-long', 'H/BG_E_PASSWORD_TOO_LARGE']),
      { password: 'p'.repeat(65_536) },
      'BG_E_PASSWORD_TOO_LARGE',
    ],
    [
      covers(['E.6/credentials/target', 'H/BG_E_INVALID_AUTH_TARGET']),
      { target: 'NEIGHBOUR' },
      'BG_E_INVALID_AUTH_TARGET',
    ],
    ...['NTLM', 'NEGOTIATE', 'PASSPORT', 'OTHER'].map(
      (scheme) =>
        [
          covers(['E.6/credentials/scheme', 'H/BG_E_INVALID_AUTH_SCHEME']),
          { scheme },
          'BG_E_INVALID_AUTH_SCHEME',
        ] as const,
    ),
    [covers('E.6/credentials/null-name'), { user: null }, 'E_INVALIDARG'],
    [covers('E.6/credentials/null-name'), { scheme: 'DIGEST', user: null }, 'E_INVALIDARG'],
    [covers(['E.6/credentials/format', 'H/BG_E_INVALID_CREDENTIALS']), { user: 'a:b' }, 'BG_E_INVALID_CREDENTIALS'],
    [covers('E.6/credentials/format'), { password: 'two\nlines' }, 'BG_E_INVALID_CREDENTIALS'],
  ])('%s (%#)', async (_, credentials, code) => {
    const { id } = await bench.admin.create();
    expect(await codeOf(put(id, credentials))).toBe(code);
    expect((await bench.admin.get(id)).credentials).toHaveLength(code === 'S_OK' ? 1 : 0);
  });
});
