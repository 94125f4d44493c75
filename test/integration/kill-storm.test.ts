import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { freeUdpPort } from '../support/free-port.ts';
import { joinAll, loopbackConfig, makeHome, type NodeHome, NodeProcess } from '../support/node-process.ts';
import { OriginProcess } from '../support/origin-process.ts';
import { tempDir } from '../support/temp-dir.ts';

const KILLS = 50;
const SIZE = '24MiB';
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);

/** Two nodes that fetch the same files, one from the slow origin, one mostly from its neighbour. */
class Storm {
  readonly #origin: OriginProcess;
  readonly #dir: string;
  readonly #nodes: (NodeProcess | null)[] = [null, null];
  readonly #homes: readonly NodeHome[];
  /** Files asked for so far, by node. */
  readonly asked: { node: number; seed: string; path: string }[] = [];

  constructor(origin: OriginProcess, dir: string, homes: readonly NodeHome[]) {
    this.#origin = origin;
    this.#dir = dir;
    this.#homes = homes;
  }

  async up(node: number): Promise<NodeProcess> {
    const running = this.#nodes[node] ?? (await NodeProcess.start(this.#homes[node] as NodeHome));
    this.#nodes[node] = running;
    return running;
  }

  /** Keeps at least one transfer going on the node: what it went on with by itself, or a new file. */
  async keepBusy(node: number, round: number): Promise<void> {
    const process = await this.up(node);
    const views = await process.client.transfers.list();
    if (views.some((view) => view.state === 'running' || view.state === 'queued')) return;
    const seed = String(this.asked.filter((file) => file.node === node).length);
    const path = join(this.#dir, `${node}-${seed}.bin`);
    this.asked.push({ node, seed, path });
    const priority = round % 2 === 0 ? 'foreground' : 'background';
    await process.client.transfers.start({ url: this.#origin.fileUrl(SIZE, seed), destination: path, priority });
  }

  async kill(node: number): Promise<void> {
    await this.#nodes[node]?.kill();
    await this.#nodes[node]?.client.close();
    this.#nodes[node] = null;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node?.stop()));
  }
}

describe('kill -9', () => {
  it(`at ${KILLS} random moments loses no transfer and no record (KILL_SEED=${SEED})`, {
    // A hundred nodes start meanwhile.
    timeout: 600_000,
  }, async () => {
    const random = seededRandom(SEED);
    await using dir = await tempDir();
    await using origin = await OriginProcess.start({ rate: '24MiB' });
    const config = loopbackConfig(await freeUdpPort(), { serve: { bandwidth: '30MiB/s' } });
    const homes = await Promise.all([0, 1].map((index) => makeHome(join(dir.path, `node${index}`), config)));
    await joinAll('storm', homes);
    const storm = new Storm(origin, dir.path, homes);
    for (let round = 0; round < KILLS; round++) {
      for (const node of [0, 1]) await storm.keepBusy(node, round);
      await wait(random() * 700);
      await storm.kill(random() < 0.5 ? 0 : 1);
    }
    for (const node of [0, 1]) await everythingCompletes(await storm.up(node));
    for (const file of storm.asked) {
      const { sha256 } = await origin.digest(SIZE, file.seed);
      expect(
        createHash('sha256')
          .update(await readFile(file.path))
          .digest('hex'),
        file.path,
      ).toBe(sha256);
    }
    for (const node of [0, 1]) await indexMatchesDisk(await storm.up(node));
    await storm.stop();
  });
});

async function everythingCompletes(node: NodeProcess): Promise<void> {
  for (const { id } of await node.client.transfers.list()) {
    const view = await node.client.transfers.settled(id);
    expect(view.error).toBeNull();
    expect(view.state).toBe('completed');
  }
}

/** Every record has its file with the right content, and every file its record. */
async function indexMatchesDisk(node: NodeProcess): Promise<void> {
  const report = await node.client.cache.verify();
  expect(report.damaged).toEqual([]);
  const ids: string[] = [];
  for await (const record of node.client.cache.list()) ids.push(record.id);
  const { dataDir } = await node.client.status();
  const files = await readdir(join(dataDir, 'cache', 'content'), { recursive: true, withFileTypes: true });
  const names = files.filter((entry) => entry.isFile()).map((entry) => entry.name);
  expect(names.sort()).toEqual(ids.sort());
}
