/**
 * What a swarm costs: bytes from the origin and bytes of messages, for crowds from 16 to 5,000 nodes behind one link of
 * 100 Mbit/s. The nodes run the product's own decisions; clock and network are simulated, so the figures are exact and
 * repeat. Run alone with `node bench/swarm-simulation.ts`; it takes some minutes.
 */
import { play, type SwarmReport } from '../test/support/swarm/scenarios.ts';
import type { SwarmScenario } from '../test/support/swarm/swarm-scenario.ts';
import { type Row, tableOf } from './row.ts';

const MIB = 1024 * 1024;

const SCENARIOS: readonly (Partial<SwarmScenario> & { readonly name: string })[] = [
  { name: '16 nodes at once, 64 MiB' },
  { name: '16 nodes at once, 512 MiB', size: 512 * MIB },
  { name: '16 nodes, three owners die, 64 MiB', killOwnersAtMs: [2_500, 2_700, 2_900] },
  { name: '16 nodes, one gives wrong bytes, 64 MiB', bad: new Set([5]) },
  { name: '16 nodes, no anchor, 64 MiB', anchored: false },
  { name: '500 nodes at once, 64 MiB', nodes: 500 },
  { name: '1,000 nodes over 60 s, 64 MiB', nodes: 1_000, joinOverMs: 60_000 },
  { name: '1,000 nodes over 60 s, 512 MiB', nodes: 1_000, joinOverMs: 60_000, size: 512 * MIB },
  { name: '5,000 nodes over 60 s, 64 MiB', nodes: 5_000, joinOverMs: 60_000 },
];

/** Plays every scenario. */
export async function run(): Promise<Row[]> {
  return SCENARIOS.flatMap((scenario) => rowsOf(play(scenario)));
}

function rowsOf(report: SwarmReport): Row[] {
  const row = (what: string, value: number, unit: string) => ({ name: `swarm: ${report.name}, ${what}`, value, unit });
  return [
    row('origin bytes', report.originShare, 'x file'),
    row('control bytes', 100 * report.controlShare, '% of content'),
    row('last node done', report.lastDone, 'x size / link'),
    row('p99 / p50', report.p99ToP50, ''),
    row('without the file', report.unfinished, 'nodes'),
  ];
}

if (import.meta.main) process.stdout.write(`${tableOf(await run())}\n`);
