import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cpuSecondsOf } from '../../test/support/node-process.ts';
import type { PseudoRandomFile } from '../../test/support/pseudo-random-file.ts';
import { freePort, isInstalled, timed } from '../nginx.ts';
import { torrentOf } from '../swarm/torrent.ts';

/** One way to bring a file from one program to another on this machine, over TCP and to a file. */
export interface Contestant extends AsyncDisposable {
  readonly name: string;
  /** Fetches the file and removes the copy. */
  fetch(): Promise<ContestantRun>;
}

/** What one fetch took: seconds, and processor seconds of both ends; null where those cannot be told. */
export interface ContestantRun {
  readonly seconds: number;
  readonly cpuSeconds: number | null;
}

/** The file that is fetched: its bytes, and where it lies. */
export interface TorrentTask {
  readonly file: PseudoRandomFile;
  readonly source: string;
  /** A folder for the torrents and copies. */
  readonly dir: string;
}

const NAME = 'file.bin';
const LIBTORRENT = join(import.meta.dirname, 'run-libtorrent.py');
const WEBTORRENT = join(import.meta.dirname, 'run-webtorrent.mjs');

/** A Python that knows libtorrent; the system's own where another one comes first. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** Starts a seeder of every BitTorrent program that is installed, without encryption, which `owner` ends; says which ones are not. */
export async function startTorrents(task: TorrentTask, owner: AsyncDisposableStack): Promise<Contestant[]> {
  const python = PYTHONS.find((it) => isInstalled(it, '-c', 'import libtorrent'));
  const webtorrent = process.env.NEARBITS_BENCH_WEBTORRENT;
  const all: readonly [name: string, start: (() => Promise<Contestant>) | null][] = [
    ['aria2 BitTorrent', isInstalled('aria2c') ? () => startAria2(task) : null],
    ['libtorrent TCP', python === undefined ? null : () => startScript('libtorrent TCP', task, [python, LIBTORRENT])],
    [
      'webtorrent TCP (NEARBITS_BENCH_WEBTORRENT names its folder)',
      webtorrent === undefined ? null : () => startScript('webtorrent TCP', task, [process.execPath, WEBTORRENT]),
    ],
  ];
  const started: Contestant[] = [];
  for (const [name, start] of all) {
    if (start === null) process.stderr.write(`  ${name} is skipped: not installed\n`);
    else started.push(owner.use(await start()));
  }
  return started;
}

async function startScript(name: string, task: TorrentTask, command: readonly string[]): Promise<Contestant> {
  const [port, { torrent, seeds, copies }] = [await freePort(), await layOut(task, name, {})];
  const seeder = launch([...command, 'seed', torrent, seeds, `${port}`]);
  await firstLine(seeder);
  const fetch = async () => {
    await mkdir(copies);
    const before = await cpuSecondsOf(seeder.pid as number);
    const child = launch([...command, 'fetch', torrent, copies, `${port}`]);
    const { seconds, cpuSeconds } = JSON.parse(await firstLine(child)) as { seconds: number; cpuSeconds: number };
    await gone(child);
    await rm(copies, { recursive: true });
    return { seconds, cpuSeconds: cpuSeconds + (await cpuSecondsOf(seeder.pid as number)) - before };
  };
  return { name, fetch, [Symbol.asyncDispose]: () => end(seeder) };
}

// It can be told of peers by a tracker only, so it gets one that knows nobody but the seeder.
async function startAria2(task: TorrentTask): Promise<Contestant> {
  const port = await freePort();
  const tracker = await startTracker(port);
  const { torrent, seeds, copies } = await layOut(task, 'aria2', { tracker: tracker.url });
  const quiet = ['--no-conf', '--quiet', '--file-allocation=none', '--enable-dht=false', '--enable-dht6=false'];
  const alone = ['--bt-enable-lpd=false', '--enable-peer-exchange=false', '--no-proxy=*', '--max-upload-limit=0'];
  const aria2 = (...more: string[]) => [...quiet, ...alone, ...more, torrent];
  const seeding = ['--seed-ratio=0.0', '--bt-seed-unverified=true', `--listen-port=${port}`, '-d', seeds];
  const seeder = launch(['aria2c', ...aria2(...seeding)]);
  await tracker.asked;
  const fetch = async () => {
    await mkdir(copies);
    const before = await cpuSecondsOf(seeder.pid as number);
    const startMs = performance.now();
    const own = await timed('aria2c', aria2('--seed-time=0', `--listen-port=${await freePort()}`, '-d', copies));
    const seconds = (performance.now() - startMs) / 1000;
    await rm(copies, { recursive: true });
    return { seconds, cpuSeconds: own + (await cpuSecondsOf(seeder.pid as number)) - before };
  };
  const stop = async () => {
    await end(seeder);
    await tracker[Symbol.asyncDispose]();
  };
  return { name: 'aria2 BitTorrent', fetch, [Symbol.asyncDispose]: stop };
}

async function layOut({ file, source, dir }: TorrentTask, name: string, from: { readonly tracker?: string }) {
  const own = join(dir, name.replaceAll(' ', '-'));
  const [torrent, seeds, copies] = [join(own, 'file.torrent'), join(own, 'seeds'), join(own, 'copies')];
  await mkdir(seeds, { recursive: true });
  await symlink(source, join(seeds, NAME));
  await writeFile(torrent, torrentOf(file, NAME, from));
  return { torrent, seeds, copies };
}

async function startTracker(port: number) {
  const asked = Promise.withResolvers<void>();
  // Four bytes of address and two of port (BEP 23).
  const peer = Buffer.from([127, 0, 0, 1, port >> 8, port & 255]);
  const answer = Buffer.concat([Buffer.from('d8:intervali1800e5:peers6:'), peer, Buffer.from('e')]);
  const server = createServer((_, response) => {
    response.end(answer);
    asked.resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`,
    asked: asked.promise,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function launch([program = '', ...args]: readonly string[]): ChildProcess {
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the program has no output');
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${child.spawnargs[1]} ended without a word`)));
  ended.catch(() => {});
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  return line;
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await gone(child);
}
