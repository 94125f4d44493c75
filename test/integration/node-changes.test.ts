import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import { leaveDomain } from '../../src/domain/domain.ts';
import { Office, PATIENCE } from '../support/office.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';

const MIB = 1024 * 1024;
const content = randomBytes(3 * MIB + 21);
const NO_PORTS = { peer: null, content: null };

/** Sockets of this process that take in connections or datagrams. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap' || kind === 'UDPWrap').length;
}

async function originWith(...names: string[]) {
  const origin = await OriginServer.start();
  return { origin, urls: names.map((name) => origin.serve(name, { content: bytesContent(content) })) };
}

describe('a node without a domain', () => {
  it('opens no socket, fetches from the origin, and begins to take part when it joins', async () => {
    const { origin, urls } = await originWith('/1');
    await using _ = origin; // which is the one socket that listens
    await using office = await Office.open();
    const node = await office.start('a', { domain: null });
    expect(node.node.ports).toEqual(NO_PORTS);
    await expect.poll(openSockets, PATIENCE).toBe(1);
    const view = await node.fetch(urls[0] as string);
    expect(view).toMatchObject({ state: 'completed', sharing: 'not-shared', bytesFromOrigin: content.length });
    expect(await node.codes(view)).toContain('PEERS_OFF');
    await expect.poll(openSockets, PATIENCE).toBe(1);

    await office.join('a');
    expect(await node.access.reload()).toMatchObject({ domainChanged: true });
    expect(node.node.ports).toEqual({ peer: expect.any(Number), content: expect.any(Number) });
    expect(openSockets()).toBeGreaterThanOrEqual(4);

    await leaveDomain(node.domainDir);
    expect(await node.access.reload()).toMatchObject({ domainChanged: true });
    expect(node.node.ports).toEqual(NO_PORTS);
    await expect.poll(openSockets, PATIENCE).toBe(1);
  });
});

describe('a changed configuration', () => {
  it('is followed without a restart when its file changes', async () => {
    await using office = await Office.open();
    const node = await office.start('a');
    await node.configure(office.config({ peers: { enabled: false } }));
    await expect.poll(() => node.node.ports, PATIENCE).toEqual(NO_PORTS);
    expect(node.told('config.changed').flatMap((event) => event.keys)).toContain('peers.enabled');
    await expect.poll(openSockets, PATIENCE).toBe(0);
    expect((await node.access.status()).peering).toEqual({ on: false, reason: 'peers.enabled is false' });
  });

  it('stops serving, asking, or both', async () => {
    await using office = await Office.open();
    const { origin, urls } = await originWith('/1', '/2', '/3');
    await using _ = origin;
    const a = await office.start('a');
    const b = await office.start('b', { knows: [a] });
    const [first, second, third] = urls as [string, string, string];
    for (const url of urls) await a.fetch(url, { overwrite: true });
    const change = async (node: typeof a, config: ConfigInput) => {
      await node.configure(office.config(config, node === b ? [a] : []));
      await node.access.reload();
    };
    const fetchOnB = (url: string) => b.fetch(url, { overwrite: true });
    expect(await fetchOnB(first)).toMatchObject({ state: 'completed', bytesFromPeers: content.length });

    await change(b, { peers: { client: false } });
    await expect.poll(() => b.node.ports.content, PATIENCE).not.toBeNull();
    const alone = await fetchOnB(second);
    expect(alone).toMatchObject({ state: 'completed', sharing: 'shared', bytesFromPeers: 0 });
    expect(await b.access.transfers.trace(alone.id)).toContainEqual(
      expect.objectContaining({ code: 'PEERS_OFF', text: expect.stringContaining('peers.client is false') }),
    );

    await change(b, {});
    await change(a, { peers: { server: false } });
    await expect.poll(() => a.node.ports, PATIENCE).toEqual({ peer: expect.any(Number), content: null });
    expect(await fetchOnB(third)).toMatchObject({ state: 'completed', bytesFromPeers: 0 });
    expect((await a.access.status()).serving.enabled).toBe(false);
  });

  it('is refused as a whole when something in it is wrong', async () => {
    await using office = await Office.open();
    const node = await office.start('a', { domain: null });
    await writeFile(node.path('nearbits.yaml'), 'log:\n  level: error\nserve:\n  clients: none\n');
    await expect(node.access.reload()).rejects.toMatchObject({ code: 'E_CONFIG' });
    expect(node.told('config.rejected')).not.toHaveLength(0);
    expect((await node.access.status()).serving.maxClients).toBe(3);
  });

  it('gives way to the policy, and the report tells so', async () => {
    await using office = await Office.open();
    const node = await office.start('a', {
      domain: null,
      config: { serve: { clients: 7 } },
      policy: { serve: { clients: 2 } },
    });
    const { entries } = await node.access.config();
    expect(entries.find((entry) => entry.key === 'serve.clients')).toMatchObject({
      setBy: 'policy',
      value: 2,
      at: { file: node.path('policy.yaml') },
      overridden: { value: 7, at: { file: node.path('nearbits.yaml') } },
    });
    await writeFile(node.path('policy.yaml'), '');
    await node.access.reload();
    expect((await node.access.status()).serving.maxClients).toBe(7);
  });

  it('shrinks the cache at once, the least recently used record first', async () => {
    await using office = await Office.open();
    const { origin, urls } = await originWith('/1', '/2');
    await using _ = origin;
    const node = await office.start('a');
    for (const url of urls) await node.fetch(url, { overwrite: true });
    await node.configure(office.config({ cache: { maxSize: '4MiB' } }));
    await node.access.reload();
    await expect.poll(async () => (await node.access.status()).cache.records, PATIENCE).toBe(1);
    expect(await Array.fromAsync(node.access.cache.list())).toMatchObject([{ url: urls[1] }]);
    expect((await node.access.status()).cache).toMatchObject({ maxBytes: 4 * MIB, bytes: content.length });
  });

  it.each(['whole files', 'pieces'])(
    'changes the rate of the %s that are being given',
    async (what) => {
      const isSwarm = what === 'pieces';
      const rate = (bandwidth: string) => (isSwarm ? { swarm: { bandwidth } } : { serve: { bandwidth } });
      await using office = await Office.open();
      const { origin, urls } = await originWith('/1');
      await using _ = origin;
      const a = await office.start('a', { config: rate('100KiB/s') });
      await a.fetch(urls[0] as string);
      const b = await office.start('b', { knows: [a], config: { swarm: { enabled: isSwarm } } });
      const fetching = b.fetch(urls[0] as string);
      const received = async () => (await b.access.transfers.list())[0]?.bytesFromPeers ?? 0;
      await expect.poll(received, PATIENCE).toBeGreaterThan(0);
      await a.configure(office.config(rate('unlimited')));
      await a.access.reload();
      // At the old rate it would take half a minute; the limit of the test is less than that.
      expect(await fetching).toMatchObject({ state: 'completed', bytesFromPeers: content.length });
      const { entries } = await a.access.config();
      expect(entries.find(({ key }) => key === `${isSwarm ? 'swarm' : 'serve'}.bandwidth`)?.value).toBe('unlimited');
    },
    25_000,
  );
});
