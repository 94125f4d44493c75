import { describe, expect, it } from 'vitest';
import { checkAuth, checkCredentials } from '../../../../src/job/check/credentials.ts';
import type { JobCredentials } from '../../../../src/job/model/view.ts';
import { codeOf, errorOf } from '../../../support/error-code.ts';

const login: JobCredentials = { target: 'SERVER', scheme: 'BASIC', user: 'anna', password: 'secret' };
const bearer: JobCredentials = { target: 'PROXY', scheme: 'BEARER', user: null, password: 'abc.DEF-123_~+/==' };
const code = (change: Partial<JobCredentials>, base = login) => codeOf(() => checkCredentials({ ...base, ...change }));

describe('checkCredentials', () => {
  it('takes BASIC, DIGEST and BEARER for SERVER and PROXY', () => {
    expect(checkCredentials(login)).toEqual(login);
    expect(checkCredentials(bearer)).toEqual(bearer);
    expect(code({ target: 'PROXY', scheme: 'DIGEST', user: 'DOMAIN\\änna', password: '' })).toBeNull();
  });

  it.each(['', 'server', 'BOTH', '1'])('refuses the target "%s"', (target) => {
    expect(code({ target })).toBe('BG_E_INVALID_AUTH_TARGET');
  });

  it.each(['', 'basic', 'NTLM', 'NEGOTIATE', 'PASSPORT', 'OTHER'])('refuses the scheme "%s"', (scheme) => {
    expect(code({ scheme })).toBe('BG_E_INVALID_AUTH_SCHEME');
    expect(codeOf(() => checkAuth('SERVER', scheme))).toBe('BG_E_INVALID_AUTH_SCHEME');
  });

  it('limits user names to 300 and passwords to 65,535 characters', () => {
    expect(code({ user: 'u'.repeat(300), password: 'p'.repeat(65_535) })).toBeNull();
    expect(code({ user: 'u'.repeat(301) })).toBe('BG_E_USERNAME_TOO_LARGE');
    expect(code({ password: 'p'.repeat(65_536) })).toBe('BG_E_PASSWORD_TOO_LARGE');
    expect(code({ password: 'p'.repeat(65_536) }, bearer)).toBe('BG_E_PASSWORD_TOO_LARGE');
  });

  it('wants a user for a login and none for a token', () => {
    expect(code({ user: null })).toBe('E_INVALIDARG');
    expect(code({ user: null, scheme: 'DIGEST' })).toBe('E_INVALIDARG');
    expect(code({ user: 'anna' }, bearer)).toBe('E_INVALIDARG');
  });

  it('refuses characters that the scheme cannot carry', () => {
    const invalid = 'BG_E_INVALID_CREDENTIALS';
    expect(code({ user: 'a:b' })).toBe(invalid);
    expect(code({ user: 'a:b', scheme: 'DIGEST' })).toBeNull();
    expect(code({ password: 'a:b' })).toBeNull();
    expect(code({ user: 'a\nb' })).toBe(invalid);
    expect(code({ password: 'a\0b', scheme: 'DIGEST' })).toBe(invalid);
    for (const password of ['', 'a b', 'a\r\nb', '=a', 'ä']) expect(code({ password }, bearer), password).toBe(invalid);
  });

  it('puts nothing secret into its errors', () => {
    const wrong: Partial<JobCredentials>[] = [
      { user: 'hidden:x' },
      { password: 'hidden\n' },
      { user: 'hidden'.repeat(60) },
    ];
    for (const change of wrong) {
      const error = errorOf(() => checkCredentials({ ...login, ...change }));
      expect(JSON.stringify([error?.message, error?.hint, error?.details])).not.toContain('hidden');
    }
  });
});
