import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigStore } from '../../../src/config/store.ts';
import type { NodeEventBody } from '../../../src/observe/events.ts';
import { silentLogger } from '../../../src/observe/log.ts';

let dir: string;
let events: NodeEventBody[];
let store: ConfigStore | undefined;
const configFile = (): string => join(dir, 'etc', 'nearbits.yaml');
const policyFile = (): string => join(dir, 'etc', 'policy.yaml');

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nearbits-config-'));
  await mkdir(join(dir, 'etc'));
  events = [];
});

afterEach(async () => {
  store?.close();
  await rm(dir, { recursive: true, force: true });
});

async function open(): Promise<ConfigStore> {
  const deps = { log: silentLogger, emit: (event: NodeEventBody) => void events.push(event) };
  store = await ConfigStore.open(deps, { configFile: configFile(), policyFile: policyFile() });
  return store;
}

function nextChange(from: ConfigStore): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const end = from.subscribe((_, changed) => {
    end();
    resolve(changed);
  });
  return promise;
}

describe('ConfigStore', () => {
  it('starts without any file', async () => {
    const { current, report } = await open();
    expect(current.serve.clients).toBe(3);
    expect(report.configFile).toEqual({ path: configFile(), exists: false });
  });

  it('refuses to start with a bad file and tells every problem of both', async () => {
    await writeFile(configFile(), 'serve:\n  clients: none\n');
    await writeFile(policyFile(), 'foo: 1\n');
    await expect(open()).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringMatching(/nearbits\.yaml:2: serve\.clients[\s\S]*policy\.yaml:1: there is no key foo/),
    });
  });

  it('applies a reload and tells which keys changed', async () => {
    const config = await open();
    const change = nextChange(config);
    await writeFile(configFile(), 'serve:\n  clients: 7\ncache:\n  maxAge: 90d\n');
    expect(await config.reload()).toEqual(['serve.clients']);
    expect(await change).toEqual(['serve.clients']);
    expect(config.current.serve.clients).toBe(7);
    expect(events).toEqual([{ type: 'config.changed', keys: ['serve.clients'] }]);
  });

  it('keeps the old configuration when the new one is bad, and says so', async () => {
    await writeFile(configFile(), 'serve:\n  clients: 7\n');
    const config = await open();
    await writeFile(configFile(), 'serve:\n  clients: 7000\n');
    await expect(config.reload()).rejects.toMatchObject({ code: 'E_CONFIG' });
    expect(config.current.serve.clients).toBe(7);
    expect(events).toMatchObject([{ type: 'config.rejected' }]);
    await writeFile(configFile(), 'serve:\n  clients: 8\n');
    expect(await config.reload()).toEqual(['serve.clients']);
  });

  it('sees files that appear, change, or are renamed over, without being told', async () => {
    const config = await open();
    config.watch(10);
    const appeared = nextChange(config);
    await writeFile(policyFile(), 'serve:\n  clients: 2\n');
    expect(await appeared).toEqual(['serve.clients']);
    const renamed = nextChange(config);
    await writeFile(join(dir, 'new.yaml'), 'serve:\n  clients: 11\n');
    await rename(join(dir, 'new.yaml'), policyFile());
    expect(await renamed).toEqual(['serve.clients']);
    expect(config.current.serve.clients).toBe(11);
  });

  it('refuses a file of absurd size', async () => {
    await writeFile(configFile(), `# ${'x'.repeat(300_000)}\n`);
    await expect(open()).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});
