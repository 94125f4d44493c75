/**
 * What discovery costs: datagrams per node and hour on subnets of 20, 100 and 500 nodes, in several situations. The
 * nodes run the product's own discovery and roster; clock and network are simulated, so the figures are exact and
 * repeat. A broadcast is one datagram sent and one received by every other node: what is received grows with the
 * subnet, as with any broadcast. Run alone with `node bench/discovery.ts`.
 */
import { type HourReport, lifeOf, powerReturns } from '../test/support/discovery/scenarios.ts';
import { WIRED } from '../test/support/discovery/simulated-subnet.ts';
import { type Row, tableOf } from './row.ts';

const SIZES = [20, 100, 500] as const;

/** Measures every scenario at every size; the larger sizes are compared with 20 nodes. */
export async function run(): Promise<Row[]> {
  const reports: HourReport[] = [];
  for (const nodes of SIZES) reports.push(...(await lifeOf(nodes, WIRED)), await powerReturns(nodes, WIRED));
  const scenarios = [...new Set(reports.map((report) => report.scenario))];
  return scenarios.flatMap((scenario) => rowsOf(reports.filter((report) => report.scenario === scenario)));
}

function rowsOf(reports: readonly HourReport[]): Row[] {
  const sent = reports.map((report) => row('sent', report, report.sentPerNode, reports[0]?.sentPerNode));
  const received = reports.map((report) =>
    row('received', report, report.receivedPerNode, reports[0]?.receivedPerNode),
  );
  return [...sent, ...received];
}

function row(what: string, { scenario, nodes }: HourReport, value: number, smallest = value): Row {
  const figure = { name: `discovery: ${scenario}, ${what}, ${nodes} nodes`, value, unit: 'datagrams/node/h' };
  return nodes === SIZES[0] ? figure : { ...figure, vs: `${SIZES[0]} nodes`, ratio: value / smallest };
}

if (import.meta.main) process.stdout.write(`${tableOf(await run())}\n`);
