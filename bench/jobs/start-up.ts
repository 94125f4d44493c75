/** From the start of the process to its ready line, with many jobs in the store and with none. */
import { type NodeHome, NodeProcess } from '../../test/support/node-process.ts';
import { percentile } from '../pair.ts';
import type { Row } from '../row.ts';

/** Measured rounds after one that is not: both stores take turns, so that a slow moment of the machine hits both. */
const ROUNDS = 5;
const MIB = 1024 ** 2;
/** What the project holds itself to, for the whole start. */
const BAR_SECONDS = 2;

interface Life {
  readonly startSeconds: number;
  readonly cpuSeconds: number;
  readonly stopSeconds: number;
  readonly rssBytes: number;
}

/** Measures both; `jobs` is what the full store holds, for the names of the rows. */
export async function startUpRows(full: NodeHome, empty: NodeHome, jobs: string): Promise<Row[]> {
  const lives: { readonly full: Life; readonly empty: Life }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = { empty: await live(empty), full: await live(full) };
    if (round > 0) lives.push(pair);
  }
  const median = (of: 'full' | 'empty', what: keyof Life) =>
    percentile(
      lives.map((life) => life[of][what]),
      0.5,
    );
  const start = median('full', 'startSeconds');
  const forJobs = start - median('empty', 'startSeconds');
  const bar = `bar ${BAR_SECONDS} s`;
  return [
    { name: `jobs: start-up with ${jobs}`, value: start, unit: 's', vs: bar, ratio: start / BAR_SECONDS },
    { name: '  start-up with an empty store', value: median('empty', 'startSeconds'), unit: 's' },
    { name: '  of it for the jobs', value: forJobs, unit: 's', vs: bar, ratio: forJobs / BAR_SECONDS },
    { name: `  processor time until ready, ${jobs}`, value: median('full', 'cpuSeconds'), unit: 's' },
    { name: '  processor time until ready, empty store', value: median('empty', 'cpuSeconds'), unit: 's' },
    { name: `  memory (RSS) when ready, ${jobs}`, value: median('full', 'rssBytes') / MIB, unit: 'MiB' },
    { name: '  memory (RSS) when ready, empty store', value: median('empty', 'rssBytes') / MIB, unit: 'MiB' },
    { name: `  stop with ${jobs}`, value: median('full', 'stopSeconds'), unit: 's' },
  ];
}

async function live(home: NodeHome): Promise<Life> {
  const startMs = performance.now();
  await using node = await NodeProcess.start(home);
  const startSeconds = (performance.now() - startMs) / 1000;
  const [cpuSeconds, { rssBytes }] = await Promise.all([node.cpuSeconds(), node.memory()]);
  const stopMs = performance.now();
  await node.stop();
  return { startSeconds, cpuSeconds, rssBytes, stopSeconds: (performance.now() - stopMs) / 1000 };
}
