import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createNode, inProcess, type NodeOptions } from '../../src/index.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { tempDir } from '../support/temp-dir.ts';

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');

const optionsIn = (path: string): NodeOptions => ({
  dataDir: join(path, 'data'),
  configFile: join(path, 'nearbits.yaml'),
  policyFile: join(path, 'policy.yaml'),
  config: { origin: { proxy: 'none' } },
  log: silentLogger,
});

describe('a node inside a program', () => {
  it('fetches a file and is gone at the end of the block', async () => {
    await using dir = await tempDir();
    await using origin = await OriginServer.start();
    const url = origin.serve('/update.bin', { content: bytesContent(content) });
    const destination = join(dir.path, 'update.bin');
    {
      await using node = await createNode(optionsIn(dir.path));
      const { transfers } = inProcess(node.backend);
      const { id } = await transfers.start({ url, destination, sha256 });
      expect(await transfers.settled(id)).toMatchObject({ state: 'completed', bytesFromOrigin: content.length });
      expect(node.ports).toEqual({ peer: null, content: null });
    }
    expect(await readFile(destination)).toEqual(content);
    // The data directory is free again.
    await using next = await createNode(optionsIn(dir.path));
    expect((await next.backend.status()).transfers).toEqual({ queued: 0, running: 0 });
  });

  it('stops with its signal', async () => {
    await using dir = await tempDir();
    const stop = new AbortController();
    await using node = await createNode({ ...optionsIn(dir.path), signal: stop.signal });
    stop.abort();
    await node.stopRequested;
    await node.stop();
    await using next = await createNode(optionsIn(dir.path));
    expect(next.nodeId).toBe(node.nodeId);
  });

  it('does not start when its signal aborts meanwhile, and leaves nothing open', async () => {
    await using dir = await tempDir();
    const stop = new AbortController();
    const starting = createNode({ ...optionsIn(dir.path), signal: stop.signal });
    stop.abort();
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
    await using node = await createNode(optionsIn(dir.path));
    expect((await node.backend.status()).peering.on).toBe(false);
  });

  it('refuses a second node on the same data directory', async () => {
    await using dir = await tempDir();
    await using _ = await createNode(optionsIn(dir.path));
    await expect(createNode(optionsIn(dir.path))).rejects.toMatchObject({ code: 'E_ALREADY_RUNNING' });
  });
});
