import { createHash, randomBytes } from 'node:crypto';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CliProcess, runJson, runToEnd } from '../support/cli-process.ts';
import { freeUdpPort } from '../support/free-port.ts';
import { loopbackConfig, makeHome, type NodeHome } from '../support/node-process.ts';
import { PATIENCE } from '../support/office.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { tempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;
const content = randomBytes(6 * MIB + 99);
const sha256 = createHash('sha256').update(content).digest('hex');

async function machine() {
  const dir = await tempDir();
  const origin = await OriginServer.start();
  const url = origin.serve('/update.bin', { content: bytesContent(content) });
  const home = await makeHome(join(dir.path, 'home'), loopbackConfig(await freeUdpPort()));
  const close = async () => {
    await origin.stop();
    await dir[Symbol.asyncDispose]();
  };
  return { home, origin, url, [Symbol.asyncDispose]: close };
}

async function up(home: NodeHome): Promise<CliProcess> {
  const daemon = new CliProcess(home, 'up', '--json');
  const ended = daemon.ended.then(({ err }) => Promise.reject(new Error(`the node did not start: ${err}`)));
  await Promise.race([daemon.firstLine, ended]);
  return daemon;
}

const digestOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

/** The shape of every failure with --json. */
const failure = (code: string) => ({
  error: { code, message: expect.any(String), details: expect.any(Object) },
});

describe('nearbits with a daemon', () => {
  it('serves every command, follows its files, and stops when told', async () => {
    await using place = await machine();
    const { home, url } = place;
    expect(await runJson(home, 'domain', 'create', 'office')).toMatchObject({ exit: 0, value: { domain: 'office' } });
    await using daemon = await up(home);
    expect(JSON.parse(await daemon.firstLine)).toMatchObject({
      nodeId: expect.stringMatching(/^12D3KooW/),
      domain: 'office',
      ports: { peer: expect.any(Number), content: expect.any(Number), discovery: expect.any(Number) },
      socket: home.env.NEARBITS_SOCKET,
    });
    const second = await runJson(home, 'up');
    expect(second).toMatchObject({ exit: 5, value: failure('E_ALREADY_RUNNING') });

    const file = join(home.dir, 'update.bin');
    const got = await runJson(home, 'get', url, '--foreground', '--sha256', sha256);
    expect(got).toMatchObject({ exit: 0, value: { state: 'completed', destination: file, sha256 } });
    expect(await digestOf(file)).toBe(sha256);
    const [explained, peers, listed, verified, healthy] = await Promise.all([
      runToEnd(home, 'explain', got.value.id),
      runJson(home, 'peers'),
      runJson(home, 'cache', 'ls'),
      runJson(home, 'cache', 'verify'),
      runJson(home, 'doctor'),
    ]);
    expect(explained).toMatchObject({ exit: 0, out: expect.stringContaining('DIGEST_OK') });
    expect(peers).toMatchObject({ exit: 0, value: { peers: [] } });
    expect(listed.value.records).toMatchObject([{ url, state: 'valid', bytes: content.length }]);
    expect(verified).toMatchObject({ exit: 0, value: { checked: 1, damaged: [] } });
    expect(healthy.value.findings.filter((finding: { result: string }) => finding.result === 'fail')).toEqual([]);
    const { id } = listed.value.records[0];
    expect(await runJson(home, 'cache', 'show', id)).toMatchObject({ exit: 0, value: { id, url } });
    expect((await runToEnd(home, 'cache', 'rm', id)).exit).toBe(0);
    expect(await runJson(home, 'cache', 'show', id)).toMatchObject({ exit: 4, value: failure('E_NOT_FOUND') });

    await writeFile(home.env.NEARBITS_POLICY as string, 'serve:\n  clients: 1\n');
    daemon.signal('SIGHUP');
    const clients = async () => (await runToEnd(home, 'config', 'show', 'serve.clients')).out;
    await expect.poll(clients, PATIENCE).toMatch(/serve\.clients +1 +policy/);

    daemon.signal('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
    await expect(access(home.env.NEARBITS_SOCKET as string)).rejects.toThrow();
  });

  it.skipIf(process.platform !== 'linux')('ends at once at the second signal, and starts again', async () => {
    await using place = await machine();
    await using daemon = await up(place.home);
    await daemon.signalTogether('SIGINT', 'SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 130 });
    await using again = await up(place.home);
    again.signal('SIGINT');
    expect(await again.ended).toMatchObject({ exit: 0 });
  });
});

describe('nearbits without a daemon', () => {
  it('fetches, and resumes a fetch that Ctrl+C stopped', async () => {
    await using place = await machine();
    const { home, origin } = place;
    const url = origin.serve('/slow.bin', { content: bytesContent(content), faults: { bytesPerSecond: 4 * MIB } });
    await using stopped = new CliProcess(home, 'get', url, '--json');
    await expect.poll(() => origin.statsOf('/slow.bin').bytesSent, PATIENCE).toBeGreaterThan(3 * MIB);
    stopped.signal('SIGINT');
    const { exit, out } = await stopped.ended;
    expect({ exit, value: JSON.parse(out) }).toMatchObject({
      exit: 130,
      value: { ...failure('E_CANCELLED'), transfer: { state: 'cancelled' } },
    });
    await expect(stat(join(home.dir, 'slow.bin'))).rejects.toThrow();

    expect(await runJson(home, 'get', url)).toMatchObject({ exit: 0, value: { state: 'completed' } });
    expect(await digestOf(join(home.dir, 'slow.bin'))).toBe(sha256);
    expect(origin.statsOf('/slow.bin').bytesSent).toBeLessThan(content.length + 2 * MIB);
  });

  it('describes a file, and proves what it fetches by the description alone', async () => {
    await using place = await machine();
    const { home, origin, url } = place;
    await writeFile(join(home.dir, 'new.bin'), content);
    expect((await runToEnd(home, 'describe', 'new.bin', '--url', url, '-o', 'new.meta4')).exit).toBe(0);
    const got = await runJson(home, 'get', 'new.meta4', '--overwrite');
    const destination = join(home.dir, 'new.bin');
    expect(got).toMatchObject({ exit: 0, value: { state: 'completed', url, sha256, destination } });
    const damaged = Buffer.from(content);
    damaged.fill(0, 3 * MIB, 3 * MIB + 10);
    const mirror = origin.serve('/mirror.bin', { content: bytesContent(damaged) });
    const bad = await runJson(home, 'get', mirror, '--metalink', 'new.meta4');
    expect(bad).toMatchObject({ exit: 7, value: failure('E_VALIDATION_FAILED') });
    await expect(stat(join(home.dir, 'mirror.bin'))).rejects.toThrow();
  });

  it('tells scripts by the exit code and one JSON value what went wrong', async () => {
    await using place = await machine();
    const { home, origin, url } = place;
    await writeFile(join(home.dir, 'there.bin'), 'precious');
    await writeFile(join(home.dir, 'bad.yaml'), 'serve:\n  clints: 3\n');
    const missing = origin.serve('/missing', { content: bytesContent(content), faults: { status: 404 } });
    const expectFailure = async (exit: number, code: string, ...args: string[]) => {
      const ended = await runJson(home, ...args);
      expect(ended, args.join(' ')).toMatchObject({ exit, value: failure(code) });
      expect(Object.keys(ended.value.error)).toEqual(['code', 'message', 'hint', 'details']);
    };
    // These need the data directory for themselves; the others do not open it.
    await expectFailure(6, 'E_ORIGIN_STATUS', 'get', missing);
    await expectFailure(7, 'E_VALIDATION_FAILED', 'get', url, '--sha256', '0'.repeat(64), '-o', 'w.bin');
    await expectFailure(8, 'E_DESTINATION', 'get', url, '-o', 'there.bin');
    await Promise.all([
      expectFailure(3, 'E_CONFIG', 'config', 'check', 'bad.yaml'),
      expectFailure(3, 'E_CONFIG', 'up', '--config-file', 'bad.yaml'),
      expectFailure(5, 'E_NOT_RUNNING', 'status'),
    ]);
    const plain = await runToEnd(home, 'get', 'ftp://example.com/x');
    expect(plain).toMatchObject({ exit: 2, out: '', err: expect.stringContaining('E_INVALID_URL') });
    expect((await runJson(home, 'config', 'schema')).value).toMatchObject({ type: 'object' });
    expect(await readFile(join(home.dir, 'there.bin'), 'utf8')).toBe('precious');
  });
});
