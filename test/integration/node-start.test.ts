import { randomBytes } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Office } from '../support/office.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';

const content = randomBytes(1_500_000);

/** A port that somebody else listens on. */
async function takenPort(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: stop };
}

describe('a node does not start', () => {
  it.each(['peerPort', 'contentPort'] as const)('when its %s is in use, and leaves nothing open', async (key) => {
    await using office = await Office.open();
    await using taken = await takenPort();
    await expect(office.start('a', { config: { listen: { [key]: taken.port } } })).rejects.toMatchObject({
      code: 'E_LISTEN',
      message: expect.stringContaining(String(taken.port)),
      hint: expect.stringContaining(key),
    });
    const node = await office.start('a');
    expect(node.node.ports.content).not.toBeNull();
  });

  it('beside another one on the same data directory', async () => {
    await using office = await Office.open();
    const first = await office.start('a');
    await expect(office.start('a')).rejects.toMatchObject({ code: 'E_ALREADY_RUNNING', hint: expect.any(String) });
    expect((await first.access.status()).peering.on).toBe(true);
  });
});

describe('a running node', () => {
  it('goes on without neighbours when a changed port is in use, and says so', async () => {
    await using office = await Office.open();
    await using taken = await takenPort();
    const node = await office.start('a');
    await node.configure(office.config({ listen: { contentPort: taken.port } }));
    await node.access.reload();
    const { peering } = await node.access.status();
    expect(peering).toEqual({ on: false, reason: expect.stringContaining(String(taken.port)) });
    await node.configure(office.config());
    await node.access.reload();
    expect((await node.access.status()).peering.on).toBe(true);
  });
});

describe('a node whose files were damaged', () => {
  it('begins with an empty cache when the index is damaged, keeps its membership, and shares again', async () => {
    await using office = await Office.open();
    await using origin = await OriginServer.start();
    const url = origin.serve('/file', { content: bytesContent(content) });
    const before = await office.start('a');
    await before.fetch(url);
    await before.node.stop();
    const index = before.path('data/index');
    for (const name of await readdir(index)) {
      if (/^(CURRENT|MANIFEST)/.test(name)) await writeFile(`${index}/${name}`, randomBytes(64));
    }
    const after = await office.start('a');
    expect(after.node.nodeId).toBe(before.node.nodeId);
    expect((await after.access.status()).cache.records).toBe(0);
    expect((await readdir(after.path('data'))).some((name) => name.startsWith('index.damaged-'))).toBe(true);
    const b = await office.start('b', { knows: [after] });
    expect(await after.fetch(url, { overwrite: true })).toMatchObject({ sharing: 'shared' });
    expect(await b.fetch(url)).toMatchObject({ state: 'completed', bytesFromPeers: content.length });
  });

  it('forgets records whose files are gone', async () => {
    await using office = await Office.open();
    await using origin = await OriginServer.start();
    const before = await office.start('a');
    await before.fetch(origin.serve('/file', { content: bytesContent(content) }));
    await before.node.stop();
    await rm(before.path('data/cache/content'), { recursive: true });
    const after = await office.start('a');
    expect((await after.access.status()).cache).toMatchObject({ records: 0, bytes: 0 });
  });
});
