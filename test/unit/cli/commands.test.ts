import { once } from 'node:events';
import { utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerView } from '../../../src/api/views.ts';
import { newRecordId } from '../../../src/core/ids.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { CliMachine, type CliResult } from '../../support/cli-machine.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { swarmView } from '../../support/swarm-view.ts';

let machine: CliMachine;

beforeEach(async () => {
  machine = await CliMachine.create();
});

afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

describe('nearbits up', () => {
  /** Starts the daemon and resolves with its ready line. */
  async function up(...args: string[]): Promise<{ ready: string; ended: Promise<CliResult> }> {
    const { promise, resolve } = Promise.withResolvers<string>();
    machine.onPrint = resolve;
    const ended = machine.run('up', ...args);
    return { ready: await promise, ended };
  }

  it('prints one ready line, serves commands, and stops on a signal', async () => {
    const { ready, ended } = await up('--json');
    expect(JSON.parse(ready)).toMatchObject({
      nodeId: expect.stringMatching(/^12D3KooW/),
      domain: 'example',
      ports: { peer: 1, content: 2, discovery: 3 },
      socket: join(machine.dir, 'api.sock'),
      dataDir: join(machine.dir, 'data'),
    });
    expect((await machine.json('status')).value.nodeId).toMatch(/^12D3KooW/);
    machine.pressCtrlC();
    expect(await ended).toEqual({ exit: 0, out: ready, err: '' });
    expect((await machine.json('status')).exit).toBe(5);
  });

  it('ends at once on the second signal', async () => {
    const { ended } = await up();
    machine.pressCtrlC();
    machine.pressCtrlC();
    expect(machine.endedAtOnce).toEqual([130]);
    await ended;
  });

  it('stops when the API asks for it and reloads on SIGHUP', async () => {
    const { ended } = await up();
    const reloaded = Promise.withResolvers<string>();
    machine.onPrint = reloaded.resolve;
    machine.hangUp();
    expect(await reloaded.promise).toContain('reloaded: serve.clients');
    machine.backend.requestStop();
    expect((await ended).exit).toBe(0);
  });

  it('leaves a node that runs already alone', async () => {
    await using _ = await machine.startDaemon();
    const { exit, value } = await machine.json('up');
    expect(exit).toBe(5);
    expect(value.error.code).toBe('E_ALREADY_RUNNING');
  });
});

describe('nearbits status, peers and explain', () => {
  it('show the running node', async () => {
    await using _ = await machine.startDaemon();
    const view = await machine.backend.transfers.start(localOwner(), {
      url: 'http://127.0.0.1/f',
      destination: '/tmp/f',
      usePeers: true,
      share: true,
      priority: 'background',
      overwrite: false,
    });
    const { out } = await machine.run('status');
    expect(out).toMatch(/domain +example/);
    expect(out).toContain(view.id);
    const explained = await machine.run('explain', view.id);
    expect(explained.out).toMatch(/HEAD +asked the origin/);
    expect((await machine.json('explain', view.id)).value.trace).toHaveLength(1);
    expect(await machine.json('explain', newRecordId())).toMatchObject({
      exit: 4,
      value: { error: { code: 'E_NOT_FOUND' } },
    });
  });

  it('look for neighbours on request and say when that is not possible yet', async () => {
    await using _ = await machine.startDaemon();
    expect((await machine.json('peers', '--discover')).value).toEqual({
      peers: [],
      discovery: { sent: true, suppressedMs: null },
    });
    const again = await machine.run('peers', '--discover');
    expect(again.err).toContain('possible again in 10 min');
    expect((await machine.json('peers', '--clear', '--discover')).value.discovery.sent).toBe(true);
  });

  it('show what is fetched together, and with whom on request', async () => {
    await using _ = await machine.startDaemon();
    expect((await machine.run('swarms')).out).toBe('nothing is fetched or given together with neighbours now\n');
    const url = `https://origin.test/\u001b[31m${'x'.repeat(100)}/big.iso`;
    machine.backend.contents.push(swarmView({ url, banned: [testNodeId(3)] }));
    const { out } = await machine.run('swarms');
    expect(out).toMatch(/^fetching {2}12 of 64 pieces {2}each proven {2}origin: 4 MiB to 8 MiB {2}2 partners /);
    expect(out).toMatch(/given 3 MiB {2}taken 8 MiB {2}1 banned {2}for .* https:\/\/origin.test\/.*….*\/big.iso\n$/);
    expect(out).not.toContain('\u001b');
    const named = (await machine.run('swarms', '--partners')).out.split('\n');
    expect(named[2]).toMatch(/^ {2}12D3KooW\w+ {2}has 7 of 64 pieces {2}origin: 8 MiB to 12 MiB$/);
    expect(named[3]).toBe(`  ${testNodeId(3)}  banned: it gave wrong bytes`);
    expect((await machine.json('swarms')).value.swarms).toMatchObject([{ state: 'fetching', takenBytes: 8_388_608 }]);
    expect((await machine.run('status')).out).toMatch(/swarms +0 fetching, 1 giving/);
  });

  it('need a running node', async () => {
    for (const command of ['status', 'peers', 'swarms']) {
      const { exit, err } = await machine.run(command);
      expect(exit).toBe(5);
      expect(err).toContain('nearbits up');
    }
  });
});

describe('nearbits cache', () => {
  it('works without a running node, and then without neighbours', async () => {
    const id = machine.backend.cache.add('http://a/x\u001b[31m');
    const { out } = await machine.run('cache', 'ls');
    expect(out).toContain(id);
    expect(out).not.toContain('\u001b');
    expect(machine.started).toMatchObject([{ listenApi: false, config: { peers: { enabled: false } } }]);
    expect((await machine.json('cache', 'show', id)).value.url).toContain('http://a/x');
    expect((await machine.json('cache', 'verify')).value.checked).toBe(1);
    expect((await machine.json('cache', 'rm', id)).value).toEqual({ removed: 1, busy: 0 });
    expect((await machine.json('cache', 'rm', id)).exit).toBe(4);
    expect((await machine.json('cache', 'ls')).value).toEqual({ records: [] });
  });

  it('keeps records in use', async () => {
    await using _ = await machine.startDaemon();
    const id = machine.backend.cache.add('http://a/');
    machine.backend.cache.busy.add(id);
    expect((await machine.json('cache', 'rm', id)).exit).toBe(9);
    expect((await machine.json('cache', 'rm', 'http://a/')).value).toEqual({ removed: 0, busy: 1 });
    expect((await machine.run('cache', 'clear')).out).toContain('1 in use stay');
  });

  it('stops verifying on Ctrl+C', async () => {
    await using _ = await machine.startDaemon();
    const verifying = machine.run('cache', 'verify');
    await machine.backend.cache.verifyCalled.promise;
    machine.pressCtrlC();
    expect((await verifying).exit).toBe(130);
  });
});

describe('nearbits config', () => {
  it('shows who set what, with the place', async () => {
    await writeFile(join(machine.dir, 'nearbits.yaml'), 'serve:\n  clients: 7\n  wait: 1s\n');
    await writeFile(join(machine.dir, 'policy.yaml'), 'serve:\n  clients: 2\n');
    const { out } = await machine.run('config', 'show', 'serve');
    const policy = join(machine.dir, 'policy.yaml');
    const file = join(machine.dir, 'nearbits.yaml');
    expect(out).toContain(`serve.clients    2       policy (${policy}:2), overrides 7 from ${file}:2`);
    expect(out).toContain(`serve.wait       1s      preference (${file}:3)`);
    expect(out).toContain('serve.bandwidth  1MiB/s  default');
    expect((await machine.json('config', 'show', 'serve.clients')).value.entries).toHaveLength(1);
    expect(await machine.run('config', 'show', 'serve.bandwith')).toMatchObject({
      exit: 4,
      err: expect.stringContaining('Did you mean serve.bandwidth?'),
    });
  });

  it('shows what the running node goes by', async () => {
    await using _ = await machine.startDaemon();
    expect((await machine.json('config', 'show')).value.configFile.path).toBe('/nowhere/nearbits.yaml');
  });

  it('checks files and tells every mistake', async () => {
    expect(await machine.run('config', 'check')).toMatchObject({ exit: 0, out: 'no mistakes\n' });
    await writeFile(join(machine.dir, 'bad.yaml'), 'serve:\n  clients: 0\nfoo: 1\n');
    const { exit, value } = await machine.json('config', 'check', 'bad.yaml');
    expect(exit).toBe(3);
    expect(value.error.details.problems).toMatchObject([
      { line: 2, key: 'serve.clients' },
      { line: 3, key: 'foo' },
    ]);
    expect((await machine.run('config', 'check', 'missing.yaml')).err).toContain('there is no such file');
    expect((await machine.json('config', 'schema')).value.title).toBe('nearbits configuration');
  });
});

describe('nearbits domain', () => {
  it('makes a domain, invites, joins, shows and leaves, and tells the running node', async () => {
    await using second = await CliMachine.create();
    await using _ = await machine.startDaemon();
    const created = await machine.json('domain', 'create', 'office');
    expect(created).toMatchObject({ exit: 0, value: { domain: 'office', canInvite: true, reloaded: true } });
    expect(machine.backend.reloads).toBe(1);
    const { token } = (await machine.json('domain', 'invite', '--expires', '1h')).value;
    second.input = `${token}\n`;
    expect((await second.json('domain', 'join', '-')).value).toMatchObject({ domain: 'office', reloaded: false });
    expect((await second.run('domain', 'show')).out).toMatch(/domain +office/);
    const { nodeId } = (await second.json('domain', 'show')).value;
    expect((await machine.json('domain', 'revoke', nodeId)).exit).toBe(0);
    expect((await second.json('domain', 'leave')).value).toEqual({ left: true, reloaded: false });
    expect((await second.json('domain', 'show')).value).toEqual({ domain: null, nodeId });
  });

  it.each([
    [['invite'], 'E_DOMAIN', 3],
    [['invite', '--expires', '5'], 'E_INVALID_ARGUMENT', 2],
    [['join', 'nonsense'], 'E_TOKEN', 3],
    [['revoke', 'nobody'], 'E_INVALID_ARGUMENT', 2],
  ])('refuses domain %j', async (args, code, exit) => {
    const result = await machine.json('domain', ...args);
    expect(result).toMatchObject({ exit, value: { error: { code } } });
  });
});

describe('nearbits doctor', () => {
  async function finding(name: string): Promise<{ result: string; text: string }> {
    const { value } = await machine.json('doctor');
    return value.findings.find((it: { name: string }) => it.name === name);
  }

  it('finds nothing broken on a fresh machine and says what to do next', async () => {
    await writeFile(
      join(machine.dir, 'nearbits.yaml'),
      'listen: {peerPort: 0, contentPort: 0}\ndiscovery: {interfaces: [lo, nope0]}\n',
    );
    const { value } = await machine.json('doctor');
    const found = (name: string) => value.findings.filter((finding: { name: string }) => finding.name === name);
    expect(found('runtime')).toMatchObject([{ result: 'pass' }]);
    expect(found('data directory')).toMatchObject([{ result: 'pass' }]);
    expect(found('domain')).toMatchObject([{ result: 'warn', next: expect.stringContaining('domain join') }]);
    expect(found('node')).toMatchObject([{ result: 'warn', next: expect.stringContaining('nearbits up') }]);
    expect(found('discovery')[0]).toMatchObject({ result: 'warn', text: expect.stringContaining('nope0') });
  });

  it.each([
    ['swarm: {enabled: false}', 'off: swarm.enabled is false'],
    ['peers: {server: false}', 'off: peers.server is false, and who gives nothing'],
    ['peers: {client: false}', 'off: peers.client is false'],
    ['discovery: {broadcast: false, mdns: false}', 'nobody can be found'],
    ['discovery: {enabled: false}', 'nobody can be found'],
  ])('says why nothing is fetched together with neighbours: %s', async (config, text) => {
    await writeFile(join(machine.dir, 'nearbits.yaml'), `listen: {peerPort: 0, contentPort: 0}\n${config}\n`);
    expect(await finding('swarms')).toMatchObject({ result: 'warn', text: expect.stringContaining(text) });
  });

  it('looks at the neighbours of the running node', async () => {
    await using _ = await machine.startDaemon();
    expect(await finding('swarms')).toMatchObject({ result: 'warn', text: expect.stringContaining('no other member') });
    machine.backend.roster.push(peerView({ available: false }));
    expect(await finding('swarms')).toMatchObject({ result: 'warn', text: expect.stringContaining('can be reached') });
    machine.backend.roster.push(peerView({ available: true }));
    expect(await finding('swarms')).toMatchObject({ result: 'pass', text: expect.stringContaining('1 of 2') });
    machine.backend.swarmsOff = 'peers.server is false';
    expect(await finding('swarms')).toMatchObject({ result: 'warn', text: 'off: peers.server is false' });
  });

  it('notices a clock that stands before what is written on this machine', async () => {
    expect(await finding('clock')).toMatchObject({ result: 'pass' });
    const file = join(machine.dir, 'nearbits.yaml');
    await writeFile(file, 'listen: {peerPort: 0, contentPort: 0}\n');
    const tomorrow = new Date(Date.now() + 86_400_000);
    await utimes(file, tomorrow, tomorrow);
    expect(await finding('clock')).toMatchObject({ result: 'fail', text: expect.stringContaining(file) });
  });

  it('ends with 1 when something does not work', async () => {
    await writeFile(join(machine.dir, 'nearbits.yaml'), 'serve:\n  clients: 0\n');
    const { exit, out } = await machine.run('doctor');
    expect(exit).toBe(1);
    expect(out).toContain('nearbits.yaml:2: serve.clients: 0 is out of range');
    expect(out).toContain('next: Correct the file');
  });

  it('names a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await writeFile(
      join(machine.dir, 'nearbits.yaml'),
      `listen: {host: 127.0.0.1, peerPort: ${port}, contentPort: 0}\n`,
    );
    const { exit, out } = await machine.run('doctor');
    taken.close();
    expect(exit).toBe(1);
    expect(out).toContain(`listen.peerPort ${port} cannot be opened (EADDRINUSE)`);
  });
});

describe('nearbits', () => {
  it('prints help and version', async () => {
    expect((await machine.run('--help')).out).toContain('Exit codes: 0 done');
    expect((await machine.run('get', '--help')).out).toContain('--sha256');
    expect((await machine.json('version')).value.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await machine.json('--json', 'version')).exit).toBe(0);
  });
});

function peerView({ available }: { available: boolean }): PeerView {
  const seen = { firstSeenMs: 1, lastSeenMs: 1 };
  return { nodeId: testNodeId(1), addresses: [], authenticatedUntilMs: null, available, failures: 1, ...seen };
}
