/**
 * What discovery costs: datagrams per node and hour on subnets of 20, 100 and 500 nodes, in several situations. The
 * nodes run the product's own discovery and roster; clock and network are simulated, so the figures are exact and
 * repeat. Run alone with `node bench/discovery.ts`.
 */
import { SCENARIOS } from '../test/support/discovery/scenarios.ts';
import { WIRED } from '../test/support/discovery/simulated-subnet.ts';
import { type Row, tableOf } from './row.ts';

const SIZES = [20, 100, 500] as const;
const UNIT = 'datagrams/node/h';

/** Measures every scenario at every size; the larger sizes are compared with 20 nodes. */
export async function run(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const scenario of Object.keys(SCENARIOS)) rows.push(...(await measure(scenario)));
  return rows;
}

async function measure(scenario: string): Promise<Row[]> {
  const sent: Row[] = [];
  const received: Row[] = [];
  for (const nodes of SIZES) {
    const report = await SCENARIOS[scenario]?.(nodes, WIRED);
    if (report === undefined) continue;
    sent.push(row(`${scenario}, sent`, nodes, report.sentPerNode, sent[0]));
    received.push(row(`${scenario}, received`, nodes, report.receivedPerNode, received[0]));
  }
  return [...sent, ...received];
}

function row(what: string, nodes: number, value: number, smallest: Row | undefined): Row {
  const name = `discovery: ${what}, ${nodes} nodes`;
  if (smallest === undefined) return { name, value, unit: UNIT };
  return { name, value, unit: UNIT, vs: `${SIZES[0]} nodes`, ratio: value / smallest.value };
}

if (import.meta.main) process.stdout.write(`${tableOf(await run())}\n`);
