import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NearbitsError } from '../../../src/core/errors.ts';
import { newJobId, type TransferId } from '../../../src/core/ids.ts';
import type { TransferView } from '../../../src/job/model/transfer-view.ts';
import type { NodeEvent } from '../../../src/observe/events.ts';
import { NearbitsClient } from '../../../src/sdk/client.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';

let api: TestApi;
let client: NearbitsClient;

beforeEach(async () => {
  api = await startTestApi();
  client = new NearbitsClient({ socket: api.socketPath });
});

afterEach(async () => {
  await client.close();
  await api[Symbol.asyncDispose]();
});

const wanted = { url: 'http://127.0.0.1/f.bin', destination: '/tmp/f.bin' };

async function start(): Promise<TransferId> {
  return (await client.transfers.start(wanted)).id as TransferId;
}

describe('NearbitsClient', () => {
  it('sees and steers the node', async () => {
    expect((await client.status()).domain?.name).toBe('example');
    expect(await client.isRunning()).toBe(true);
    expect(await client.peers()).toEqual([]);
    expect(await client.swarms()).toEqual([]);
    expect((await client.discoverPeers()).sent).toBe(true);
    await client.clearPeers();
    expect((await client.config()).entries.length).toBeGreaterThan(10);
    expect(await client.checkConfig('x: 1')).toMatchObject([{ key: 'x' }]);
    expect((await client.reload()).changedKeys).toEqual(['serve.clients']);
    expect(await client.metrics()).toContain('nearbits_peers_known 0');
    await client.stop();
    expect(api.backend.stopRequests).toBe(1);
  });

  it('reads the cache page by page', async () => {
    const ids = Array.from({ length: 2500 }, () => api.backend.cache.add('http://a/')).sort();
    const seen: string[] = [];
    for await (const record of client.cache.list()) seen.push(record.id);
    expect(seen).toEqual(ids);
    await client.cache.remove(ids[0] ?? '');
    expect((await client.cache.get(ids[1] ?? '')).url).toBe('http://a/');
    expect(await client.cache.removeUrl('http://a/')).toEqual({ removed: 2499, busy: 0 });
    expect(await client.cache.clear()).toEqual({ removed: 0, busy: 0 });
  });

  it('throws the errors of the node with code, hint and details', async () => {
    api.backend.reloadError = new NearbitsError('E_CONFIG', 'bad file', { hint: 'mend it', details: { line: 3 } });
    await expect(client.reload()).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: 'bad file',
      hint: 'mend it',
      details: { line: 3 },
    });
    await expect(client.transfers.get(newJobId())).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(client.transfers.get('../status')).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  });

  it('watches a transfer to its end', async () => {
    const id = await start();
    const seen: [string, number][] = [];
    for await (const view of client.transfers.watch(id)) {
      seen.push([view.state, view.bytesFromPeers]);
      if (seen.length === 1) api.backend.transfers.progress(id, 40);
      if (seen.length === 2) api.backend.transfers.complete(id);
    }
    expect(seen).toEqual([
      ['running', 0],
      ['running', 40],
      ['completed', 40],
    ]);
    const again: TransferView[] = [];
    for await (const view of client.transfers.watch(id)) again.push(view);
    expect(again).toMatchObject([{ state: 'completed', sharing: 'shared' }]);
  });

  it('stops watching when the loop ends or the signal aborts, and leaves the transfer alone', async () => {
    const id = await start();
    for await (const view of client.transfers.watch(id)) {
      expect(view.state).toBe('running');
      break;
    }
    const away = new AbortController();
    const watching = (async () => {
      for await (const _ of client.transfers.watch(id, { signal: away.signal })) away.abort();
    })();
    await expect(watching).rejects.toMatchObject({ code: 'E_CANCELLED' });
    expect((await client.transfers.cancel(id)).state).toBe('cancelled');
    expect(await client.transfers.list()).toHaveLength(1);
    expect(await client.transfers.trace(id)).toMatchObject([{ code: 'HEAD' }]);
  });

  it('tells events in order from the moment it is asked', async () => {
    const done = new AbortController();
    const events = await client.events(done.signal);
    api.backend.events.emit({ type: 'node.stopping' });
    const id = await start();
    const seen: NodeEvent[] = [];
    for await (const event of events) {
      seen.push(event);
      if (seen.length === 2) break;
    }
    expect(seen).toMatchObject([{ type: 'node.stopping' }, { type: 'transfer.started', transferId: id }]);
  });

  it('says that the node went away in the middle of a watch', async () => {
    const id = await start();
    const watching = (async () => {
      for await (const view of client.transfers.watch(id)) {
        expect(view.state).toBe('running');
        void api.server.stop();
      }
    })();
    await expect(watching).rejects.toMatchObject({ code: 'E_NOT_RUNNING' });
  });

  it('says that no node runs', async () => {
    await using nobody = new NearbitsClient({ socket: join(api.dir, 'nobody.sock') });
    expect(await nobody.isRunning()).toBe(false);
    await expect(nobody.status()).rejects.toMatchObject({
      code: 'E_NOT_RUNNING',
      hint: expect.stringContaining('nearbits up'),
    });
  });

  it('does not take somebody else for a node', async () => {
    const path = join(api.dir, 'other.sock');
    const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')).listen(path);
    await using stranger = new NearbitsClient({ socket: path });
    await expect(stranger.status()).rejects.toMatchObject({ code: 'E_INTERNAL' });
    other.close();
  });

  it('works over TCP with the token', async () => {
    await using tcp = await startTestApi({ tcp: true });
    const token = (await readFile(join(tcp.dir, 'api.token'), 'utf8')).trim();
    const url = `http://127.0.0.1:${tcp.server.tcpPort}`;
    await using good = new NearbitsClient({ url, token });
    expect((await good.status()).version).toBe('0.0.0');
    await using bad = new NearbitsClient({ url, token: 'wrong' });
    await expect(bad.status()).rejects.toMatchObject({ code: 'E_FORBIDDEN' });
  });
});
