import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TransferView } from '../src/job/model/transfer-view.ts';
import { freeUdpPort } from '../test/support/free-port.ts';
import { joinAll, loopbackConfig, makeHome, NodeProcess } from '../test/support/node-process.ts';
import { OriginProcess } from '../test/support/origin-process.ts';

/** An origin and nodes of one domain, all processes of their own on loopback, with the serving cap lifted. */
export interface BenchLan extends AsyncDisposable {
  readonly dir: string;
  readonly origin: OriginProcess;
  readonly nodes: NodeProcess[];
}

/** Starts `count` nodes. */
export async function startLan(count: number): Promise<BenchLan> {
  const dir = await mkdtemp(join(tmpdir(), 'nearbits-bench-'));
  const config = loopbackConfig(await freeUdpPort(), {
    serve: { bandwidth: 'unlimited' },
    swarm: { bandwidth: 'unlimited' },
  });
  const names = Array.from({ length: count }, (_, index) => join(dir, `node${index}`));
  const homes = await Promise.all(names.map((name) => makeHome(name, config)));
  await joinAll('bench', homes);
  const origin = await OriginProcess.start();
  const nodes = await Promise.all(homes.map((home) => NodeProcess.start(home)));
  const dispose = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await origin[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  };
  return { dir, origin, nodes, [Symbol.asyncDispose]: dispose };
}

/** Fetches on one node and waits until the transfer and its sharing are over. */
export async function fetchTo(node: NodeProcess, url: string, destination: string): Promise<TransferView> {
  const { id } = await node.client.transfers.start({ url, destination, priority: 'foreground', overwrite: true });
  let last: TransferView | null = null;
  for await (const view of node.client.transfers.watch(id)) last = view;
  const done = last ?? (await node.client.transfers.get(id));
  if (done.state !== 'completed') throw new Error(`the transfer ${done.state}: ${done.error?.message}`);
  return done;
}

/** The value below which `share` (0 to 1) of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number;
}
