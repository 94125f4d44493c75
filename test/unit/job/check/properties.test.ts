import { describe, expect, it } from 'vitest';
import { checkProperties } from '../../../../src/job/check/properties.ts';
import type { JobProxy } from '../../../../src/job/model/properties.ts';
import { codeOf, errorOf } from '../../../support/error-code.ts';

const codeFor = (change: Parameters<typeof checkProperties>[0]) => codeOf(() => checkProperties(change));

describe('custom headers', () => {
  it('may have 16,384 characters with separators, line ends and the end of the text, and none more', () => {
    const headers = (characters: number) => ({ 'X-Long': 'a'.repeat(characters - 'X-Long: \r\n'.length) });
    expect(codeFor({ customHeaders: headers(16_383) })).toBeNull();
    expect(codeFor({ customHeaders: headers(16_384) })).toBe('BG_E_STRING_TOO_LONG');
    expect(codeFor({ customHeaders: { ...headers(16_377), A: 'bcd' } })).toBe('BG_E_STRING_TOO_LONG');
  });

  it('must be headers, and not those that the node sets itself', () => {
    expect(codeFor({ customHeaders: { Authorization: 'Bearer x', 'X-A': '' } })).toBeNull();
    for (const customHeaders of [
      { 'a b': '1' },
      { '': '1' },
      { a: 'x\r\nb: y' },
      { Range: 'bytes=0-' },
      { HOST: 'x' },
    ]) {
      expect(codeFor({ customHeaders }), JSON.stringify(customHeaders)).toBe('E_INVALIDARG');
    }
    expect(codeFor({ customHeaders: { a: '1', A: '2' } })).toBe('E_INVALIDARG');
  });

  it('are not shown in the error', () => {
    const error = errorOf(() => checkProperties({ customHeaders: { a: 'hidden\n' } }));
    expect(error?.details.property).toBe('customHeaders');
    expect(JSON.stringify([error?.message, error?.details])).not.toContain('hidden');
  });
});

describe('proxy settings', () => {
  const codeOfProxy = (proxy: Partial<JobProxy>) =>
    codeFor({ proxy: { usage: 'OVERRIDE', list: ['http://proxy.test:3128'], bypass: [], ...proxy } });

  it('take lists with OVERRIDE only, and a list of proxies always with it', () => {
    expect(codeOfProxy({})).toBeNull();
    expect(codeOfProxy({ bypass: ['<local>', '*.test'] })).toBeNull();
    expect(codeOfProxy({ list: [] })).toBe('E_INVALIDARG');
    for (const usage of ['PRECONFIG', 'NO_PROXY'] as const) {
      expect(codeOfProxy({ usage, list: [] })).toBeNull();
      expect(codeOfProxy({ usage })).toBe('E_INVALIDARG');
      expect(codeOfProxy({ usage, list: [], bypass: ['a'] })).toBe('E_INVALIDARG');
    }
  });

  it('cannot be detected', () => {
    expect(codeOfProxy({ usage: 'AUTODETECT', list: [] })).toBe('E_NOTIMPL');
  });

  it('are limited to 32,768 characters each', () => {
    const list = (characters: number) => ['http://a', 'a'.repeat(characters - 'http://a '.length)];
    expect(codeOfProxy({ list: list(32_768), bypass: list(32_768) })).toBeNull();
    expect(codeOfProxy({ list: list(32_769) })).toBe('BG_E_PROXY_LIST_TOO_LARGE');
    expect(codeOfProxy({ bypass: list(32_769) })).toBe('BG_E_PROXY_BYPASS_LIST_TOO_LARGE');
  });

  it('hold neither passwords nor broken entries', () => {
    for (const entry of ['', 'a b', 'a\n', 'a\0b', 'http://user:secret@proxy.test']) {
      expect(codeOfProxy({ list: ['http://a', entry] }), JSON.stringify(entry)).toBe('E_INVALIDARG');
    }
    const error = errorOf(() => checkProperties({ proxy: { usage: 'OVERRIDE', list: ['u:secret@h'], bypass: [] } }));
    expect(error?.message).not.toContain('secret');
  });
});

describe('notify command', () => {
  const codeOfCommand = (program: string, ...parameters: string[]) =>
    codeFor({ notifyCommand: { program, parameters } });

  it('is an absolute path with at most 4,000 characters of parameters', () => {
    expect(codeOfCommand('/usr/bin/done', 'done', '--job')).toBeNull();
    expect(codeOfCommand('/usr/bin/done', 'a'.repeat(1999), 'a'.repeat(2000))).toBeNull();
    expect(codeOfCommand('/usr/bin/done', 'a'.repeat(2000), 'a'.repeat(2000))).toBe('BG_E_STRING_TOO_LONG');
    expect(codeOfCommand('done')).toBe('E_INVALIDARG');
    expect(codeOfCommand('./done')).toBe('E_INVALIDARG');
    expect(codeOfCommand('/usr/bin/done', 'a\0b')).toBe('E_INVALIDARG');
    expect(codeFor({ notifyCommand: null })).toBeNull();
  });
});

describe('HTTP method', () => {
  it('is one that delivers a file', () => {
    for (const httpMethod of ['GET', 'POST', 'REPORT']) expect(codeFor({ httpMethod })).toBeNull();
    for (const httpMethod of ['HEAD', 'CONNECT']) expect(codeFor({ httpMethod })).toBe('E_INVALIDARG');
  });
});

describe('webhook', () => {
  const codeOfHook = (url: string) => codeFor({ webhook: { url, secret: 's'.repeat(16) } });

  it('is an http or https URL without credentials', () => {
    expect(codeOfHook('https://hooks.test/nearbits?job=1')).toBeNull();
    expect(codeFor({ webhook: null })).toBeNull();
    for (const url of ['', '/hook', 'ftp://hooks.test/', 'https://user:pass@hooks.test/']) {
      expect(codeOfHook(url), url).toBe('E_INVALIDARG');
    }
  });
});
