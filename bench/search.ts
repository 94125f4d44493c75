/** How long it takes from asking neighbours to their first byte: warm with open connections, cold right after a start. */
import { join } from 'node:path';
import type { TraceEntry } from '../src/job/model/transfer-view.ts';
import { NodeProcess } from '../test/support/node-process.ts';
import { type BenchLan, fetchTo, percentile, startLan } from './pair.ts';
import type { Row } from './row.ts';

const WARM_SAMPLES = 60;
const COLD_SAMPLES = 10;
/** What the project holds itself to. */
const WARM_BAR_MS = 50;
const COLD_BAR_MS = 300;

export async function run(): Promise<Row[]> {
  await using lan = await startLan(2);
  const total = WARM_SAMPLES + COLD_SAMPLES + 1;
  for (let seed = 0; seed < total; seed++)
    await fetchTo(lan.nodes[0] as NodeProcess, url(lan, seed), join(lan.dir, 'holder'));
  const warm = await warmSamples(lan);
  const cold = await coldSamples(lan);
  return [
    { name: 'search, warm, p50', value: percentile(warm, 0.5), unit: 'ms' },
    {
      name: 'search, warm, p95',
      value: percentile(warm, 0.95),
      unit: 'ms',
      vs: `bar ${WARM_BAR_MS} ms`,
      ratio: percentile(warm, 0.95) / WARM_BAR_MS,
    },
    { name: 'search, cold, p50', value: percentile(cold, 0.5), unit: 'ms' },
    {
      name: 'search, cold, p95',
      value: percentile(cold, 0.95),
      unit: 'ms',
      vs: `bar ${COLD_BAR_MS} ms`,
      ratio: percentile(cold, 0.95) / COLD_BAR_MS,
    },
  ];
}

async function warmSamples(lan: BenchLan): Promise<number[]> {
  const asker = lan.nodes[1] as NodeProcess;
  await sample(asker, lan, WARM_SAMPLES + COLD_SAMPLES);
  const samples: number[] = [];
  for (let seed = 0; seed < WARM_SAMPLES; seed++) samples.push(await sample(asker, lan, seed));
  return samples;
}

async function coldSamples(lan: BenchLan): Promise<number[]> {
  const samples: number[] = [];
  for (let seed = WARM_SAMPLES; seed < WARM_SAMPLES + COLD_SAMPLES; seed++) {
    const asker = lan.nodes[1] as NodeProcess;
    await asker.stop();
    lan.nodes[1] = await NodeProcess.start(asker.home);
    samples.push(await sample(lan.nodes[1], lan, seed));
  }
  return samples;
}

/** Milliseconds from the search to the first byte from a neighbour. */
async function sample(asker: NodeProcess, lan: BenchLan, seed: number): Promise<number> {
  const view = await fetchTo(asker, url(lan, seed), join(lan.dir, 'asker'));
  if (view.bytesFromPeers !== view.bytesTotal) throw new Error('the neighbour did not give the file');
  const trace = await asker.client.transfers.trace(view.id);
  const found = entry(trace, 'PEER_ANSWER');
  const fetched = entry(trace, 'FETCHED');
  return Number(found.data.ms) + Number(fetched.data.firstByteMs);
}

function entry(trace: readonly TraceEntry[], code: string): TraceEntry {
  const found = trace.find((one) => one.code === code);
  if (found === undefined) throw new Error(`the trace has no ${code}`);
  return found;
}

function url(lan: BenchLan, seed: number): string {
  return lan.origin.fileUrl('4KiB', String(seed));
}
