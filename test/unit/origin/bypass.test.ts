import { expect, test } from 'vitest';
import { isBypassed, noProxyEntries } from '../../../src/origin/bypass.ts';
import { configuredRoutes, jobRoutes, routeOf } from '../../../src/origin/proxy-routes.ts';

test.each<[string, string, boolean]>([
  ['intern', 'http://intern/', true],
  ['Intern.', 'http://INTERN/', true],
  ['intern', 'http://intern./', true],
  ['intern', 'http://intern.example.com/', false],
  ['example.com', 'http://www.example.com/', false],
  ['*.example.com', 'http://www.example.com/', true],
  ['*.example.com', 'http://a.b.example.com/', true],
  ['*.example.com', 'http://example.com/', false],
  ['*.example.com', 'http://badexample.com/', false],
  ['.example.com', 'http://www.example.com/', true],
  ['.example.com', 'http://example.com/', false],
  ['intern:8080', 'http://intern:8080/', true],
  ['intern:8080', 'http://intern/', false],
  ['intern:80', 'http://intern/', true],
  ['intern:443', 'https://intern/', true],
  ['*.example.com:8080', 'http://www.example.com:8080/', true],
  ['*.example.com:8080', 'http://www.example.com/', false],
  ['*', 'http://anything.test/', true],
  ['*:8080', 'http://anything.test/', false],
  ['<local>', 'http://intern/', true],
  ['<LOCAL>', 'http://intern:8080/', true],
  ['<local>', 'http://intern.example.com/', false],
  ['<local>', 'http://[::1]/', false],
  ['10.0.0.1', 'http://10.0.0.1/', true],
  ['10.0.0.1', 'http://10.0.0.11/', false],
  ['[::1]', 'http://[::1]:8080/', true],
  ['::1', 'http://[::1]/', true],
  ['[::1]:8080', 'http://[::1]:8080/', true],
  ['[::1]:8080', 'http://[::1]/', false],
  ['', 'http://intern/', false],
  ['.', 'http://intern/', false],
  [':80', 'http://intern/', false],
])('the entry %j for %s: %s', (entry, url, covered) => {
  expect(isBypassed([entry], new URL(url))).toBe(covered);
  expect(isBypassed(['unrelated.test', entry], new URL(url))).toBe(covered);
});

test.each<[string, string, boolean]>([
  ['example.com', 'http://example.com/', true],
  ['example.com', 'http://www.example.com/', true],
  ['.example.com', 'http://example.com/', true],
  ['*.example.com', 'http://example.com/', false],
  ['a.test, example.com:8080', 'http://www.example.com:8080/', true],
  ['a.test example.com:8080', 'http://www.example.com/', false],
  ['::1,[::1]:80', 'http://[::1]/', true],
  ['*', 'http://x.test/', true],
  ['', 'http://x.test/', false],
])('no_proxy=%j for %s: %s', (text, url, covered) => {
  expect(isBypassed(noProxyEntries(text), new URL(url))).toBe(covered);
});

const hosts = (routes: ReturnType<typeof configuredRoutes>, url: string) =>
  routeOf(routes, new URL(url)).map(({ protocol, hostname, port }) => `${protocol}//${hostname}:${port}`);

test('the environment names a proxy for each scheme, https falling back to that of http', () => {
  const both = configuredRoutes('environment', {
    http_proxy: 'http://a:3128',
    HTTPS_PROXY: 'https://b',
    no_proxy: 'c',
  });
  expect(hosts(both, 'http://x/')).toEqual(['http://a:3128']);
  expect(hosts(both, 'https://x/')).toEqual(['https://b:443']);
  expect(hosts(both, 'https://c/')).toEqual([]);
  const one = configuredRoutes('environment', { http_proxy: 'a' });
  expect(hosts(one, 'https://x/')).toEqual(['http://a:80']);
  expect(hosts(configuredRoutes('environment', {}), 'http://x/')).toEqual([]);
});

test('a proxy of the node that is no URL is a mistake of the configuration, which does not show it', () => {
  for (const text of ['http://me:secret@[', 'ftp://me:secret@a', 'http://me:%ff@secret']) {
    expect(() => configuredRoutes(text, {})).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', message: expect.not.stringContaining('secret') }),
    );
  }
});

test('PRECONFIG is what the node does', () => {
  expect(hosts(jobRoutes({ usage: 'PRECONFIG' }, 'http://a', {}), 'http://x/')).toEqual(['http://a:80']);
  expect(hosts(jobRoutes({ usage: 'NO_PROXY' }, 'http://a', {}), 'http://x/')).toEqual([]);
  const list = ['a:1', 'https://b'];
  expect(hosts(jobRoutes({ usage: 'OVERRIDE', list, bypass: ['c'] }, 'none', {}), 'https://x/')).toEqual([
    'http://a:1',
    'https://b:443',
  ]);
});
