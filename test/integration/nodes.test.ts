import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Office, type OfficeNode, PATIENCE } from '../support/office.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';

const MIB = 1024 * 1024;
const content = randomBytes(6 * MIB + 4321);
const sha256 = createHash('sha256').update(content).digest('hex');

/** A node that fetches whole files by itself, as all do with small ones: swarm-holders.test.ts tells of those that do not. */
const ALONE = { swarm: { enabled: false } } as const;

async function originWithFile() {
  const origin = await OriginServer.start();
  return { origin, url: origin.serve('/file.bin', { content: bytesContent(content) }) };
}

/** The one content file in the cache of a node. */
async function cachedFile(node: OfficeNode): Promise<string> {
  const dir = node.path(join('data', 'cache', 'content'));
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files).toHaveLength(1);
  return join(files[0]?.parentPath as string, files[0]?.name as string);
}

async function flipByte(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  byte[0] = (byte[0] as number) ^ 0xff;
  await file.write(byte, 0, 1, position);
}

// Only Linux gives loopback a broadcast address.
describe.skipIf(process.platform !== 'linux')('nodes of one subnet', () => {
  it('find each other, fetch a file once from the origin and then from each other', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a');
    const patient = { config: { search: { patience: { background: '20s' } } } };
    const [b, c] = [await office.start('b', patient), await office.start('c', patient)];
    for (const node of [a, b, c]) await expect.poll(() => node.knows(), PATIENCE).toHaveLength(2);
    expect(await a.fetch(url)).toMatchObject({
      state: 'completed',
      sharing: 'shared',
      bytesFromOrigin: content.length,
    });
    for (const view of await Promise.all([b.fetch(url), c.fetch(url)])) {
      expect(view.state).toBe('completed');
      expect(view.bytesFromPeers).toBeGreaterThanOrEqual(0.99 * content.length);
    }
    for (const node of [a, b, c]) expect(await node.digest()).toBe(sha256);
    expect(origin.statsOf('/file.bin').bytesSent).toBeLessThanOrEqual(1.02 * content.length);
    expect((await b.access.status()).totals.bytesFromPeers).toBeGreaterThanOrEqual(0.99 * content.length);
  });
});

describe('a node with a neighbour', () => {
  it('is not served beyond the three places, and gets its file all the same', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a', { config: { serve: { bandwidth: '8MiB/s', wait: '0' } } });
    await a.fetch(url);
    const knows = { knows: [a], config: ALONE };
    const others = [];
    for (const name of ['b', 'c', 'd', 'e']) others.push(await office.start(name, knows));
    for (const node of others) await expect.poll(() => node.knows(), PATIENCE).toHaveLength(1);
    let clients = 0;
    let served = 0;
    const open = new Map<string, number>();
    a.node.backend.subscribe((event) => {
      if (event.type === 'serve.started') open.set(event.nodeId, (open.get(event.nodeId) ?? 0) + 1);
      if (event.type === 'serve.finished') {
        open.set(event.nodeId, (open.get(event.nodeId) ?? 0) - 1);
        served += event.bytes;
      }
      clients = Math.max(clients, [...open.values()].filter((count) => count > 0).length);
    });
    const views = await Promise.all(others.map((node) => node.fetch(url)));
    for (const view of views) expect(view).toMatchObject({ state: 'completed' });
    for (const node of others) expect(await node.digest()).toBe(sha256);
    expect(clients).toBe(3);
    expect(served).toBeGreaterThanOrEqual(3 * content.length);
    expect(a.told('serve.refused').map((event) => event.status)).toContain(503);
  });

  it('never gets a byte that changed on the disk of that neighbour', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a');
    await a.fetch(url);
    await flipByte(await cachedFile(a), 3 * MIB + 17);
    const b = await office.start('b', { knows: [a] });
    expect(await b.fetch(url, { sha256 })).toMatchObject({ state: 'completed', sha256 });
    expect(await b.digest()).toBe(sha256);
    expect(a.told('cache.damaged')).toHaveLength(1);
    expect((await a.access.status()).cache.records).toBe(0);
  });

  it('finishes from the origin what that neighbour breaks off', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a', { config: { serve: { bandwidth: '2MiB/s' } } });
    await a.fetch(url);
    const b = await office.start('b', { knows: [a], config: ALONE });
    const fetching = b.fetch(url);
    const received = async () => (await b.access.transfers.list())[0]?.bytesFromPeers ?? 0;
    await expect.poll(received, PATIENCE).toBeGreaterThan(MIB);
    await a.node.stop();
    const view = await fetching;
    expect(view).toMatchObject({ state: 'completed', bytesFromPeers: expect.any(Number) });
    expect(view.bytesFromPeers).toBeGreaterThanOrEqual(MIB);
    expect(view.bytesFromOrigin).toBeGreaterThan(0);
    expect(await b.digest()).toBe(sha256);
    expect(await b.codes(view)).toEqual(expect.arrayContaining(['FETCH_FAILED', 'SOURCE_REMOVED']));
  });

  it('keeps a record that is being served', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a', { config: { serve: { bandwidth: '6MiB/s' } } });
    await a.fetch(url);
    const [record] = await Array.fromAsync(a.access.cache.list());
    const b = await office.start('b', { knows: [a], config: ALONE });
    const fetching = b.fetch(url);
    await expect.poll(() => a.told('serve.started'), PATIENCE).not.toHaveLength(0);
    await expect(a.access.cache.remove(record?.id as string)).rejects.toMatchObject({ code: 'E_BUSY' });
    expect(await fetching).toMatchObject({ state: 'completed', bytesFromPeers: content.length });
    await expect
      .poll(
        () =>
          a.access.cache.remove(record?.id as string).then(
            () => 'gone',
            (error) => error.code,
          ),
        PATIENCE,
      )
      .toBe('gone');
    await expect(stat(await cachedFile(b))).resolves.toMatchObject({ size: content.length });
  });

  it('uses nothing of a node of another domain', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a', { domain: 'theirs' });
    await a.fetch(url);
    const b = await office.start('b', {
      domain: 'ours',
      knows: [a],
      config: { search: { patience: { background: '500ms' } } },
    });
    expect(await b.fetch(url)).toMatchObject({
      state: 'completed',
      bytesFromPeers: 0,
      bytesFromOrigin: content.length,
    });
    expect(await b.digest()).toBe(sha256);
    expect(a.told('serve.started')).toEqual([]);
    expect((await b.access.status()).peers.authenticated).toBe(0);
  });
});

describe('a node that starts again', () => {
  it('knows its neighbours, its transfers and its cache', async () => {
    await using office = await Office.open();
    const { origin, url } = await originWithFile();
    await using _ = origin;
    const a = await office.start('a');
    await a.fetch(url);
    const before = await office.start('b', { knows: [a] });
    const view = await before.fetch(url);
    await before.node.stop();
    const again = await office.start('b', { config: { discovery: { enabled: false } } });
    expect(again.node.nodeId).toBe(before.node.nodeId);
    expect(await again.knows()).toEqual([a.node.nodeId]);
    expect(await again.access.transfers.list()).toMatchObject([{ id: view.id, state: 'completed' }]);
    expect(await again.codes(view)).toContain('SHARED');
    expect((await again.access.status()).cache).toMatchObject({ records: 1, bytes: content.length });
  });
});
