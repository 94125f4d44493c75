import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PseudoRandomFile, parseSize } from '../../test/support/pseudo-random-file.ts';
import { isInstalled } from '../nginx.ts';
import { percentile } from '../pair.ts';
import type { Row } from '../row.ts';
import type { Crowd, Member } from './crowd.ts';
import { type Lan, type LanMachine, type LinkOptions, runOn } from './namespaces.ts';
import { digestOf } from './race.ts';
import { startSquid } from './squid.ts';
import { torrentOf } from './torrent.ts';
import type { WanOrigin } from './wan-origin.ts';

/** How long a rival may take, in milliseconds. */
const PATIENCE_MS = 300_000;

/** Where and what a rival fetches. */
interface Task {
  readonly crowd: Crowd;
  readonly origin: WanOrigin;
  readonly file: PseudoRandomFile;
  readonly url: string;
  /** A folder for whatever it needs. */
  readonly dir: string;
}

/** Starts the program of a rival on one machine; it puts the file at `to` and makes `${to}.done` when all of it is there. */
type Launch = (member: Member, to: string) => ChildProcess;

/** Bytes of a file that arrive through the origin's link in a second when one machine fetches it alone. */
export async function wanRate(lan: Lan, origin: WanOrigin): Promise<number> {
  const machine = await lan.machine();
  const bytes = 16 * 1024 ** 2;
  const script =
    'const at = performance.now(); fetch(process.argv[1]).then((a) => a.arrayBuffer()).then(() => console.log((performance.now() - at) / 1000))';
  const once = async (seed: string) => {
    const url = origin.url('16MiB', seed);
    if (!isInstalled('curl')) return Number(await runOn(machine, process.execPath, '-e', script, url));
    return Number(await runOn(machine, 'curl', '-sS', '-o', '/dev/null', '-w', '%{time_total}', '--noproxy', '*', url));
  };
  return bytes / Math.min(await once('warm-up'), await once('rate'));
}

/** What all rivals do. */
export interface RivalOptions {
  readonly dir: string;
  /** Such as `64MiB`. */
  readonly size: string;
  readonly wanBytesPerSecond: number;
  /** That of each client, and of a central box. */
  readonly link: LinkOptions;
}

/** The same crowd without nearbits: every rival that is installed, one after another. */
export async function rivalRows(lan: Lan, crowd: Crowd, origin: WanOrigin, options: RivalOptions): Promise<Row[]> {
  const { dir, size, wanBytesPerSecond, link } = options;
  const rows: Row[] = [];
  for (const [name, { program, prepare }] of Object.entries(RIVALS)) {
    if (!isInstalled(program, program === 'squid' ? '-v' : '--version')) {
      process.stderr.write(`  ${name} is skipped: ${program} is not installed\n`);
      continue;
    }
    process.stderr.write(`  ${name}, ${size}, ${crowd.members.length} clients ...\n`);
    const seed = `${program}-${process.pid}`;
    const file = new PseudoRandomFile({ size: parseSize(size) as number, seed });
    const task = { crowd, origin, file, url: origin.url(size, seed), dir: join(dir, program) };
    await mkdir(task.dir, { recursive: true });
    rows.push(...(await raceOf(name, task, await prepare(task, lan, link), wanBytesPerSecond)));
  }
  return rows;
}

interface Rival {
  readonly program: string;
  prepare(task: Task, lan: Lan, link: LinkOptions): Promise<Prepared>;
}

interface Prepared extends Partial<AsyncDisposable> {
  readonly launch: Launch;
}

const RIVALS: Readonly<Record<string, Rival>> = {
  'aria2, web seed for all, local peer discovery': { program: 'aria2c', prepare: prepareAria2 },
  'squid with collapsed forwarding, a central box': { program: 'squid', prepare: prepareSquid },
  'curl, no sharing': { program: 'curl', prepare: async (task) => ({ launch: curl(task.url) }) },
};

async function raceOf(name: string, task: Task, prepared: Prepared, wanBytesPerSecond: number): Promise<Row[]> {
  const { crowd, origin, file } = task;
  await using _ = { [Symbol.asyncDispose]: async () => await prepared[Symbol.asyncDispose]?.() };
  await origin.resetStats();
  const paths = crowd.members.map((_, index) => join(task.dir, String(index), 'file.bin'));
  for (const path of paths) await mkdir(join(path, '..'));
  const startMs = Date.now();
  const children = crowd.members.map((member, index) => prepared.launch(member, paths[index] as string));
  try {
    const seconds = await Promise.all(paths.map(async (path) => ((await doneMs(path)) - startMs) / 1000));
    const { bytesSent } = await origin.stats();
    const sha256 = await file.sha256();
    const digests = await Promise.all(paths.map((path) => digestOf(path)));
    const last = Math.max(...seconds);
    return [
      { name: `${name}: origin bytes`, value: bytesSent / file.size, unit: 'x file' },
      { name: '  last client done', value: (last * wanBytesPerSecond) / file.size, unit: 'x size / WAN rate' },
      { name: '  p99 / p50', value: percentile(seconds, 0.99) / percentile(seconds, 0.5), unit: '' },
      {
        name: `  right files (${paths.length} clients)`,
        value: digests.filter((it) => it === sha256).length,
        unit: '',
      },
    ];
  } finally {
    await Promise.all(children.map(end));
  }
}

function launchOn({ through }: LanMachine, ...command: readonly string[]): ChildProcess {
  const [program = '', ...args] = [...through, ...command];
  return spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function curl(url: string, ...options: readonly string[]): Launch {
  const script = 'to=$1; shift; "$@" && touch "$to.done"';
  return ({ machine }, to) => launchOn(machine, 'sh', '-c', script, 'sh', to, 'curl', '-sS', '-o', to, ...options, url);
}

// It goes on giving to others after its own file is there, so it says itself when that was.
async function prepareAria2({ file, url, dir }: Task): Promise<Prepared> {
  const [torrent, hook] = [join(dir, 'file.torrent'), join(dir, 'done.sh')];
  await writeFile(torrent, torrentOf(file, 'file.bin', { webSeed: url }));
  await writeFile(hook, '#!/bin/sh\ntouch "$3.done"\n');
  await chmod(hook, 0o755);
  const quiet = ['--no-conf', '--quiet', '--file-allocation=none', '--no-proxy=*', '--enable-dht=false'];
  const local = ['--enable-dht6=false', '--bt-enable-lpd=true', '--bt-lpd-interface=eth0', '--seed-ratio=0.0'];
  const launch: Launch = ({ machine }, to) =>
    launchOn(machine, 'aria2c', ...quiet, ...local, '-d', join(to, '..'), `--on-bt-download-complete=${hook}`, torrent);
  return { launch };
}

async function prepareSquid({ dir, url }: Task, lan: Lan, link: LinkOptions): Promise<Prepared> {
  const box = await startSquid(await lan.machine(link), dir);
  return {
    launch: curl(url, '--noproxy', '', '--proxy', box.url),
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

async function doneMs(path: string): Promise<number> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  while (Date.now() < deadlineMs) {
    const found = await stat(`${path}.done`).catch(() => null);
    if (found !== null) return found.mtimeMs;
    await wait(50);
  }
  throw new Error(`${path} did not arrive within ${PATIENCE_MS / 1000} s`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await gone;
}
