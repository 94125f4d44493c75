/**
 * One file of 256 MiB and one of 1 GiB from one origin over HTTP into a file, by a job of a node without neighbours, next to
 * curl and aria2c where they are installed. All take turns, so that a slow moment of the machine hits all of them.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { freeUdpPort } from '../test/support/free-port.ts';
import { loopbackConfig, makeHome, NodeProcess } from '../test/support/node-process.ts';
import { OriginProcess } from '../test/support/origin-process.ts';
import { isInstalled, startNginx, timed } from './nginx.ts';
import { percentile } from './pair.ts';
import type { Row } from './row.ts';
import { touchMemory } from './touch-memory.ts';

const MIB = 1024 ** 2;
/** A virtual machine whose host takes free memory back after 2 s gives the long file no chance to find memory that it knows. */
const SIZES = { '256MiB': 256 * MIB, '1GiB': 1024 * MIB } as const;
type Size = keyof typeof SIZES;
/** Measured rounds after one that is not. */
const ROUNDS = 5;
/** How long a node rests before its idle memory counts. */
const SETTLE_MS = 3000;
/** What the project holds itself to, next to curl. */
const BAR_RATIO = 0.8;

/** Fetches the URL into a file and returns the processor seconds of the end that receives. */
type Fetch = (url: string, to: string) => Promise<number>;

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export async function run(): Promise<Row[]> {
  const dir = await mkdtemp(join(tmpdir(), 'nearbits-bench-'));
  try {
    await using origin = await startOrigin(dir);
    await using node = await NodeProcess.start(await makeHome(join(dir, 'node'), loopbackConfig(await freeUdpPort())));
    await wait(SETTLE_MS);
    const idle = (await node.memory()).rssBytes / MIB;
    const programs = { nearbits: jobOf(node), ...otherPrograms() };
    const rows: Row[] = [];
    for (const size of Object.keys(SIZES) as Size[]) {
      const runs = await takeTurns(programs, origin.url(size), join(dir, 'out'), SIZES[size]);
      const title = `download, ${size}, ${origin.name} http ->`;
      for (const [name, all] of runs) rows.push(...speedRows(name, title, all, SIZES[size], runs.get('curl') ?? null));
    }
    const peak = (await node.memory()).peakBytes / MIB;
    return [
      ...rows,
      { name: '  memory (RSS) of the node, idle', value: idle, unit: 'MiB' },
      { name: '  memory (RSS) of the node, peak', value: peak, unit: 'MiB' },
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface BenchOrigin extends AsyncDisposable {
  readonly name: string;
  url(size: Size): string;
}

/** nginx where it is installed, else the origin of the tests; both serve the same bytes. */
async function startOrigin(dir: string): Promise<BenchOrigin> {
  const origin = await OriginProcess.start();
  const url = (size: Size) => origin.fileUrl(size, 'bench');
  if (!isInstalled('nginx', '-v'))
    return { name: 'node', url, [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose]() };
  for (const size of Object.keys(SIZES) as Size[]) {
    const answer = await fetch(url(size));
    await pipeline(answer.body as ReadableStream<Uint8Array>, createWriteStream(join(dir, size)));
  }
  await origin[Symbol.asyncDispose]();
  const nginx = await startNginx(dir, null);
  const dispose = () => nginx[Symbol.asyncDispose]();
  return { name: 'nginx', url: (size) => `http://127.0.0.1:${nginx.port}/${size}`, [Symbol.asyncDispose]: dispose };
}

function jobOf(node: NodeProcess): Fetch {
  return async (url, destination) => {
    const before = await node.cpuSeconds();
    const { bytes } = await node.client.jobs.transfer({ url, destination, priority: 'FOREGROUND' });
    if (bytes.fromOrigin !== bytes.total) throw new Error(`only ${bytes.fromOrigin} bytes came from the origin`);
    return (await node.cpuSeconds()) - before;
  };
}

function otherPrograms(): Record<string, Fetch> {
  const curl: Fetch = (url, to) => timed('curl', ['--silent', '--fail', '--output', to, url]);
  const aria2c = (connections: number): Fetch => {
    const many = [`--max-connection-per-server=${connections}`, `--split=${connections}`];
    const plain = ['--quiet', '--no-conf', '--file-allocation=none', ...many];
    return (url, to) => timed('aria2c', [...plain, `--dir=${dirname(to)}`, `--out=${basename(to)}`, url]);
  };
  return {
    ...(isInstalled('curl') ? { curl } : {}),
    ...(isInstalled('aria2c') ? { 'aria2c -x1': aria2c(1), 'aria2c -x4': aria2c(4) } : {}),
  };
}

async function takeTurns(
  programs: Readonly<Record<string, Fetch>>,
  url: string,
  to: string,
  bytes: number,
): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>(Object.keys(programs).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, fetch] of Object.entries(programs)) {
      await touchMemory(`${to}.warm`, bytes * 1.3);
      const startMs = performance.now();
      const cpuSeconds = await fetch(url, to);
      const seconds = (performance.now() - startMs) / 1000;
      await rm(to);
      if (round > 0) runs.get(name)?.push({ seconds, cpuSeconds });
    }
  }
  return runs;
}

function speedRows(
  name: string,
  title: string,
  runs: readonly Run[],
  bytes: number,
  curl: readonly Run[] | null,
): Row[] {
  const speedOf = (all: readonly Run[]) =>
    percentile(
      all.map(({ seconds }) => bytes / 1e6 / seconds),
      0.5,
    );
  const speed = { name: `${title} ${name}, to file`, value: speedOf(runs), unit: 'MB/s' };
  const bar = name === 'nearbits' ? ` (bar ${BAR_RATIO})` : '';
  const compared = curl === null || name === 'curl' ? {} : { vs: `curl${bar}`, ratio: speedOf(runs) / speedOf(curl) };
  const cpu = percentile(
    runs.map(({ cpuSeconds }) => (cpuSeconds * 1e9) / bytes),
    0.5,
  );
  return [
    { ...speed, ...compared },
    { name: `  processor time, ${name}`, value: cpu, unit: 's/GB' },
  ];
}
