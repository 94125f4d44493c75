/**
 * Runs the benchmarks: `npm run bench`, or with names of suites, and `--json`
 * for one line of JSON at the end: an array of {name, value, unit, vs?, ratio?}.
 */
import { parseArgs } from 'node:util';
import { type Row, tableOf } from './row.ts';

/** What the command line says to a suite that asks for it; see the head of its file. */
type Options = Readonly<Partial<Record<'nodes' | 'size' | 'scenario' | 'wan' | 'link' | 'traces', string>>>;

/** Loaded one at a time, so that one suite's memory does not weigh on the next. */
const SUITES: Readonly<Record<string, () => Promise<{ run(options: Options): Promise<Row[]> }>>> = {
  'peer-to-peer': () => import('./peer-to-peer.ts'),
  rivals: () => import('./rivals.ts'),
  search: () => import('./search.ts'),
  'small-object': () => import('./small-object.ts'),
  idle: () => import('./idle.ts'),
  discovery: () => import('./discovery.ts'),
  'swarm-simulation': () => import('./swarm-simulation.ts'),
  swarm: () => import('./swarm.ts'),
  jobs: () => import('./jobs.ts'),
  download: () => import('./download.ts'),
};

const OF_SUITES = {
  nodes: { type: 'string' },
  size: { type: 'string' },
  scenario: { type: 'string' },
  wan: { type: 'string' },
  link: { type: 'string' },
  traces: { type: 'string' },
} as const;
const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, ...OF_SUITES },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !(name in SUITES));
if (unknown.length > 0) {
  process.stderr.write(`There is no suite ${unknown.join(', ')}. The suites are: ${Object.keys(SUITES).join(', ')}.\n`);
  process.exit(2);
}

const rows: Row[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(SUITES)) {
  process.stderr.write(`running ${name} ...\n`);
  const suite = await (SUITES[name] as (typeof SUITES)[string])();
  rows.push(...(await suite.run(values)));
}
process.stdout.write(`${tableOf(rows)}\n`);
if (values.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
