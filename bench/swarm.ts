/**
 * One file that a whole office wants at the same moment, with real nodes: each a daemon of its own in a network namespace
 * of its own, on one switch, told nothing but its membership; the origin behind a link of 100 Mbit/s. Needs root on Linux.
 *
 *   npm run bench -- swarm                                        16 nodes, all scenarios: some minutes
 *   npm run bench -- swarm --nodes 4 --scenario anchored,bad      fewer of both
 *   npm run bench -- swarm --wan 25mbit --link none               a slower link to the origin, nodes of any speed
 *   npm run bench -- swarm --size 8MiB --traces DIR               what every node decided goes to DIR
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseSize } from '../test/support/pseudo-random-file.ts';
import type { Row } from './row.ts';
import { BanWatch } from './swarm/bans.ts';
import { Crowd, type Member } from './swarm/crowd.ts';
import { allRow, type Bars, idleRow, raceRows, type Surroundings } from './swarm/figures.ts';
import { Lan, whyNoNamespaces } from './swarm/namespaces.ts';
import { type RaceResult, race, tidy } from './swarm/race.ts';
import { rivalRows, wanRate } from './swarm/rivals.ts';
import { WanOrigin } from './swarm/wan-origin.ts';

/** What the command line may say. */
export interface SwarmArguments {
  readonly nodes?: string;
  readonly size?: string;
  readonly scenario?: string;
  readonly wan?: string;
  readonly link?: string;
  readonly traces?: string;
}

interface Scenario {
  readonly title: string;
  readonly isAnchored: boolean;
  /** In place of the size that was asked for. */
  readonly size?: string;
  readonly bars: Bars;
  /** Of 16 nodes, so many die; of fewer nodes fewer, but at least one. */
  readonly killed?: number;
  readonly hasBadSender?: boolean;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  anchored: { title: 'anchored', isAnchored: true, bars: { origin: 1.05, last: 1.25, spread: 1.5 } },
  large: { title: 'anchored', isAnchored: true, size: '512MiB', bars: { origin: 1.05, last: 1.25, spread: 1.5 } },
  'no-anchor': { title: 'no anchor', isAnchored: false, bars: { origin: 1.1 } },
  killed: { title: 'anchored, nodes die midway', isAnchored: true, killed: 3, bars: { origin: 1.25 } },
  bad: { title: 'anchored, one sends bad bytes', isAnchored: true, hasBadSender: true, bars: { origin: 1.25 } },
};
const NAMES = [...Object.keys(SCENARIOS), 'rivals'];

const BAD_SENDER = join(import.meta.dirname, '..', 'test', 'support', 'bad-sender.ts');
/** How long nodes rest before their idle memory counts. */
const SETTLE_MS = 5000;
/** And how long before each race: kept connections to content servers are closed by then. */
const REST_MS = 12_000;
/** Each node has run for a while when a morning begins; so files of these sizes come before all others. */
const FIRST_SIZES = ['16MiB', '64MiB'] as const;

/** Runs the scenarios. @throws Error when a node does not get its file */
export async function run(args: SwarmArguments = {}): Promise<Row[]> {
  const names = args.scenario?.split(',') ?? NAMES;
  const unknown = names.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}: ${NAMES.join(', ')}`);
  const reason = await whyNoNamespaces();
  if (reason !== null) {
    process.stderr.write(`swarm is skipped: ${reason}\n`);
    return [];
  }
  const dir = await mkdtemp(join(tmpdir(), 'nearbits-bench-'));
  try {
    return await runIn(dir, names, args);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runIn(dir: string, names: readonly string[], args: SwarmArguments): Promise<Row[]> {
  const { size = '64MiB', traces } = args;
  const link = args.link === 'none' ? {} : { rate: args.link ?? '1gbit' };
  const count = Number(args.nodes ?? 16);
  if (!(count >= 2 && count <= 64) || parseSize(size) === null)
    throw new Error('2 to 64 nodes, and a size such as 64MiB');
  const [loadBefore = 0] = loadavg();
  await using lan = await Lan.create();
  await using origin = await WanOrigin.start(lan, args.wan ?? '100mbit');
  const wanBytesPerSecond = await wanRate(lan, origin);
  const rows: Row[] = [
    { name: 'load of this computer before', value: loadBefore, unit: 'processes' },
    {
      name: 'WAN rate, one download alone',
      value: wanBytesPerSecond / 1e6,
      unit: 'MB/s',
    },
  ];
  await using crowd = await Crowd.gather(lan, dir, count, link);
  const scenarios = names.filter((name) => name !== 'rivals');
  if (scenarios.length > 0)
    rows.push(...(await runScenarios(crowd, origin, scenarios, { size, wanBytesPerSecond, traces })));
  if (names.includes('rivals'))
    rows.push(...(await rivalRows(lan, crowd, origin, { dir, size, wanBytesPerSecond, link })));
  return rows;
}

interface Asked {
  readonly size: string;
  readonly wanBytesPerSecond: number;
  readonly traces: string | undefined;
}

async function runScenarios(crowd: Crowd, origin: WanOrigin, names: readonly string[], asked: Asked): Promise<Row[]> {
  await crowd.start();
  await wait(SETTLE_MS);
  const idleBytes = await highestMemory(crowd);
  const rows = [idleRow(idleBytes), ...(await runFirst(crowd, origin, { ...asked, idleBytes }))];
  for (const name of names) {
    await wait(REST_MS);
    rows.push(...(await runScenario(crowd, origin, name, { ...asked, idleBytes })));
  }
  // Rivals shall have the computer for themselves.
  await crowd.stop();
  return rows;
}

/** What no measured race shall pay for: code that has never run, and meeting each other for the first time. */
async function runFirst(crowd: Crowd, origin: WanOrigin, { wanBytesPerSecond }: Surroundings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [index, size] of FIRST_SIZES.entries()) {
    const title = `${index === 0 ? 'the first file' : 'the next file'} of all, ${size}`;
    process.stderr.write(`  ${title}, ${crowd.members.length} nodes ...\n`);
    const seed = `first-${index}-${process.pid}`;
    const { bytes, originBytes, finishers } = await race(crowd, origin, { size, seed, isAnchored: true });
    await tidy(crowd, seed);
    const last = Math.max(...finishers.map(({ seconds }) => seconds));
    rows.push(
      { name: `${title}: origin bytes`, value: originBytes / bytes, unit: 'x file' },
      { name: '  last node done', value: (last * wanBytesPerSecond) / bytes, unit: 'x size / WAN rate' },
      { name: '  last node done', value: last, unit: 's' },
    );
  }
  return rows;
}

async function runScenario(crowd: Crowd, origin: WanOrigin, name: string, asked: Asked & Surroundings): Promise<Row[]> {
  const { title, isAnchored, size = asked.size, bars, killed = 0, hasBadSender = false } = SCENARIOS[name] as Scenario;
  const { members } = crowd;
  const victims = killed === 0 ? [] : members.slice(-Math.ceil((killed * members.length) / 16));
  const bad = hasBadSender ? members.slice(0, 1) : [];
  process.stderr.write(`  ${title}, ${size}, ${members.length} nodes ...\n`);
  await restart(crowd, bad, BAD_SENDER);
  await using bans = await BanWatch.start(hasBadSender ? members.slice(1) : [], members[0] as Member);
  const seed = `${name}-${process.pid}`;
  const result = await race(crowd, origin, { size, seed, isAnchored, victims });
  if (asked.traces !== undefined) await writeTraces(join(asked.traces, name), result);
  const rows = raceRows(`${title}, ${size}, ${members.length} nodes`, result, bars, asked);
  if (hasBadSender) rows.push(allRow('  nodes that banned the sender', await bans.count(), members.length - 1));
  await restart(crowd, [...bad, ...victims]);
  await tidy(crowd, seed);
  return rows;
}

/** Starts them anew, as what they are or as another program, and waits until all know each other again. */
async function restart(crowd: Crowd, members: Crowd['members'], program?: string): Promise<void> {
  if (members.length === 0) return;
  for (const member of members) {
    await member.stop();
    await member.start(program);
  }
  await crowd.findEachOther();
}

async function highestMemory({ members }: Crowd): Promise<number> {
  return Math.max(...(await Promise.all(members.map(async ({ process }) => (await process.memory()).rssBytes))));
}

async function writeTraces(dir: string, { finishers, ...sums }: RaceResult): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'race.json'), JSON.stringify(sums));
  for (const { member, ...finisher } of finishers) {
    await writeFile(
      join(dir, `${member.name}.json`),
      JSON.stringify({ nodeId: member.process.ready.nodeId, ...finisher }, null, 1),
    );
  }
}
