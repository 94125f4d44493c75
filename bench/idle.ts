/** Memory and processor time of a node that has nothing to do, with one neighbour on its roster. */
import { setTimeout as wait } from 'node:timers/promises';
import type { NodeProcess } from '../test/support/node-process.ts';
import { startLan } from './pair.ts';
import type { Row } from './row.ts';

const MIB = 1024 * 1024;
const SETTLE_MS = 5000;
const WATCH_MS = 10_000;
/** What the project holds itself to. */
const BAR_MIB = 130;

export async function run(): Promise<Row[]> {
  await using lan = await startLan(2);
  const node = lan.nodes[0] as NodeProcess;
  await wait(SETTLE_MS);
  const before = await node.cpuSeconds();
  await wait(WATCH_MS);
  const cpu = (await node.cpuSeconds()) - before;
  const rss = (await node.memory()).rssBytes / MIB;
  return [
    { name: 'idle memory (RSS)', value: rss, unit: 'MiB', vs: `bar ${BAR_MIB} MiB`, ratio: rss / BAR_MIB },
    { name: 'idle processor time', value: (cpu / (WATCH_MS / 1000)) * 100, unit: '% of a core' },
  ];
}
