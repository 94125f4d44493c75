/** What the node adds to a file of 1 KiB beyond the origin's own time. */
import { join } from 'node:path';
import type { NodeProcess } from '../test/support/node-process.ts';
import { fetchTo, percentile, startLan } from './pair.ts';
import type { Row } from './row.ts';

const SAMPLES = 60;
/** What the project holds itself to. */
const BAR_MS = 30;

export async function run(): Promise<Row[]> {
  await using lan = await startLan(2);
  const [holder, asker] = lan.nodes as [NodeProcess, NodeProcess];
  const rows: Row[] = [];
  const direct = await times((seed) => download(lan.origin.fileUrl('1KiB', seed)));
  const first = await times(
    async (seed) => void (await fetchTo(holder, lan.origin.fileUrl('1KiB', seed), join(lan.dir, 'holder'))),
  );
  const second = await times(
    async (seed) => void (await fetchTo(asker, lan.origin.fileUrl('1KiB', seed), join(lan.dir, 'asker'))),
  );
  for (const [name, samples] of [
    ['first node, from the origin', first],
    ['second node, from its neighbour', second],
  ] as const) {
    const value = percentile(samples, 0.5) - percentile(direct, 0.5);
    rows.push({
      name: `1 KiB beyond the origin's time, ${name}, p50`,
      value,
      unit: 'ms',
      vs: `bar ${BAR_MS} ms`,
      ratio: value / BAR_MS,
    });
  }
  return rows;
}

async function times(work: (seed: string) => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  await work('warm-up');
  for (let seed = 0; seed < SAMPLES; seed++) {
    const start = performance.now();
    await work(String(seed));
    samples.push(performance.now() - start);
  }
  return samples;
}

async function download(url: string): Promise<void> {
  await (await fetch(url, { method: 'HEAD' })).arrayBuffer();
  await (await fetch(url)).arrayBuffer();
}
