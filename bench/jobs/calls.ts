/** Calls over the socket to a node with few jobs and to one with many. */
import { NodeProcess } from '../../test/support/node-process.ts';
import { percentile } from '../pair.ts';
import type { Row } from '../row.ts';
import type { Queue } from './queue.ts';

/** Measured calls of each kind on each node, after a tenth of them that is not; both nodes take turns. */
const SAMPLES = 500;

type Call = (node: NodeProcess, ids: readonly string[], sample: number) => Promise<unknown>;

const CALLS: Readonly<Record<string, Call>> = {
  'GET /v1/status': (node) => node.client.status(),
  'GET /v1/jobs/{id}': (node, ids, sample) => node.client.jobs.at(pick(ids, sample)).get(),
  // Through the engine: each takes the job out of the queue or puts it back, decides anew and stores the job.
  'suspend and resume a job that waits': async (node, ids, sample) => {
    const job = node.client.jobs.at(pick(ids, sample));
    await job.suspend();
    await job.resume();
  },
};

/** Measures every call on both nodes; the one with many jobs is compared with the one with few. */
export async function callRows(few: Queue, many: Queue): Promise<Row[]> {
  await using smallNode = await NodeProcess.start(few.home);
  await using largeNode = await NodeProcess.start(many.home);
  const rows: Row[] = [];
  for (const [name, call] of Object.entries(CALLS)) {
    const small: number[] = [];
    const large: number[] = [];
    for (let sample = -SAMPLES / 10; sample < SAMPLES; sample++) {
      const pair = [
        await milliseconds(() => call(smallNode, few.ids, sample)),
        await milliseconds(() => call(largeNode, many.ids, sample)),
      ] as const;
      if (sample < 0) continue;
      small.push(pair[0]);
      large.push(pair[1]);
    }
    rows.push(...[0.5, 0.95].flatMap((share) => pairOfRows(name, share, few, small, many, large)));
  }
  return rows;
}

function pairOfRows(
  name: string,
  share: number,
  few: Queue,
  small: readonly number[],
  many: Queue,
  large: readonly number[],
): Row[] {
  const title = (queue: Queue) => `jobs: ${name}, ${queue.ids.length} jobs, p${share * 100}`;
  const base = percentile(small, share);
  const value = percentile(large, share);
  return [
    { name: title(few), value: base, unit: 'ms' },
    { name: title(many), value, unit: 'ms', vs: `${few.ids.length} jobs`, ratio: value / base },
  ];
}

/** Ids from all over the queue, the same one for the same sample. */
function pick(ids: readonly string[], sample: number): string {
  return ids[Math.abs(sample * 7919) % ids.length] as string;
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
