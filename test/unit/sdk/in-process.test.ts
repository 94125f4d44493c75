import { beforeEach, describe, expect, it } from 'vitest';
import type { TransferId } from '../../../src/core/ids.ts';
import type { NodeAccess } from '../../../src/sdk/access.ts';
import { inProcess } from '../../../src/sdk/in-process.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';

let backend: MemoryBackend;
let node: NodeAccess;

beforeEach(() => {
  backend = new MemoryBackend();
  node = inProcess(backend);
});

const wanted = { url: 'http://127.0.0.1/f.bin', destination: '/tmp/f.bin' };

describe('a node in the same process', () => {
  it('checks a request as the API does', async () => {
    await expect(node.transfers.start({ ...wanted, sha256: 'x' })).rejects.toMatchObject({
      code: 'E_INVALID_ARGUMENT',
    });
    await node.transfers.start(wanted);
    expect(backend.transfers.requests).toMatchObject([{ usePeers: true, share: true, priority: 'background' }]);
  });

  it('watches a transfer to its end', async () => {
    const id = (await node.transfers.start(wanted)).id as TransferId;
    const states: string[] = [];
    for await (const view of node.transfers.watch(id)) {
      states.push(`${view.state} ${view.bytesDone}`);
      if (states.length === 1) backend.transfers.progress(id, 7);
      if (states.length === 2) backend.transfers.complete(id);
    }
    expect(states).toEqual(['running 0', 'running 7', 'completed 7']);
  });

  it('stops watching with its signal', async () => {
    const { id } = await node.transfers.start(wanted);
    const away = new AbortController();
    const watching = (async () => {
      for await (const _ of node.transfers.watch(id, { signal: away.signal })) away.abort();
    })();
    await expect(watching).rejects.toMatchObject({ code: 'E_CANCELLED' });
    expect((await node.transfers.get(id)).state).toBe('running');
  });

  it('reads the cache page by page', async () => {
    for (let count = 0; count < 1500; count++) backend.cache.add('http://a/');
    expect(await Array.fromAsync(node.cache.list({ url: 'http://a/' }))).toHaveLength(1500);
    expect(await Array.fromAsync(node.cache.list({ url: 'http://b/' }))).toEqual([]);
  });
});
