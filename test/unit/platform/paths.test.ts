import { describe, expect, it } from 'vitest';
import type { PlatformFacts } from '../../../src/platform/facts.ts';
import { isPipe, resolvePaths } from '../../../src/platform/paths.ts';

const user = (platform: NodeJS.Platform, env: Record<string, string> = {}): PlatformFacts => ({
  platform,
  isSystem: false,
  homeDir: platform === 'win32' ? 'C:\\Users\\ann' : '/home/ann',
  env,
});

describe('resolvePaths', () => {
  it('uses the system directories for root on Linux', () => {
    expect(resolvePaths({ ...user('linux'), isSystem: true }, {}, '/')).toEqual({
      dataDir: '/var/lib/nearbits',
      configFile: '/etc/nearbits/nearbits.yaml',
      policyFile: '/etc/nearbits/policy.yaml',
      socketPath: '/run/nearbits/nearbits.sock',
    });
  });

  it('follows the XDG base directories for users and ignores relative ones', () => {
    const env = { XDG_DATA_HOME: '/data', XDG_CONFIG_HOME: 'relative', XDG_RUNTIME_DIR: '/run/user/7' };
    expect(resolvePaths(user('linux', env), {}, '/')).toEqual({
      dataDir: '/data/nearbits',
      configFile: '/home/ann/.config/nearbits/nearbits.yaml',
      policyFile: '/etc/nearbits/policy.yaml',
      socketPath: '/run/user/7/nearbits/nearbits.sock',
    });
  });

  it('puts the socket into the data directory when there is no runtime directory', () => {
    expect(resolvePaths(user('linux'), {}, '/').socketPath).toBe('/home/ann/.local/share/nearbits/nearbits.sock');
  });

  it('keeps the policy of a Mac in the directory that only administrators write', () => {
    const paths = resolvePaths(user('darwin'), {}, '/');
    expect(paths.policyFile).toBe('/Library/Application Support/nearbits/policy.yaml');
    expect(paths.dataDir).toBe('/home/ann/Library/Application Support/nearbits/data');
  });

  it('uses a named pipe on Windows, another one for another data directory', () => {
    const facts = user('win32', { LOCALAPPDATA: 'C:\\Users\\ann\\AppData\\Local', PROGRAMDATA: 'C:\\ProgramData' });
    const first = resolvePaths(facts, {}, 'C:\\');
    const second = resolvePaths(facts, { dataDir: 'D:\\other' }, 'C:\\');
    expect(first.dataDir).toBe('C:\\Users\\ann\\AppData\\Local\\nearbits\\data');
    expect(first.policyFile).toBe('C:\\ProgramData\\nearbits\\policy.yaml');
    expect(isPipe(first.socketPath)).toBe(true);
    expect(second.socketPath).not.toBe(first.socketPath);
    expect(resolvePaths(facts, { dataDir: 'd:\\OTHER' }, 'C:\\').socketPath).toBe(second.socketPath);
  });

  it('prefers a given path over the environment and the environment over the usual place', () => {
    const env = { NEARBITS_DATA_DIR: '/env/data', NEARBITS_CONFIG: 'own.yaml', NEARBITS_POLICY: '/env/policy.yaml' };
    const paths = resolvePaths(user('linux', env), { dataDir: '/given' }, '/work');
    expect(paths).toEqual({
      dataDir: '/given',
      configFile: '/work/own.yaml',
      policyFile: '/env/policy.yaml',
      socketPath: '/given/nearbits.sock',
    });
  });

  it('takes the socket from NEARBITS_SOCKET, and an empty variable as not set', () => {
    expect(resolvePaths(user('linux', { NEARBITS_SOCKET: '/s.sock' }), {}, '/').socketPath).toBe('/s.sock');
    expect(resolvePaths(user('linux', { NEARBITS_DATA_DIR: '' }), {}, '/').dataDir).toBe(
      '/home/ann/.local/share/nearbits',
    );
  });
});
