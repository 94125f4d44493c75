/** One file of 1 GiB from node to node with the cap lifted: mutual TLS 1.3, SHA-256 of each piece, written to a file. */
import { createCipheriv, hash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { NodeProcess } from '../test/support/node-process.ts';
import { startBaseline } from './baseline.ts';
import { fetchTo, percentile, startLan } from './pair.ts';
import type { Row } from './row.ts';
import { touchMemory, WRITTEN } from './touch-memory.ts';

const SIZE = '1GiB';
const BYTES = 1024 ** 3;
const GB = 1e9;
const MIB = 1024 ** 2;
/** Measured rounds after one that is not: both programs take turns, so that a slow moment of the machine hits both. */
const ROUNDS = 5;
/** What the project holds itself to. */
const BAR_RATIO = 0.6;
const BAR_CPU_PER_GB = 1.7;
const BAR_GROWTH_MIB = 70;

interface Round {
  readonly seconds: number;
  readonly baselineSeconds: number;
  readonly baselineCpu: number | null;
  readonly cryptoPerGb: number;
  readonly cpu: readonly [holder: number, fetcher: number];
}

export async function run(): Promise<Row[]> {
  await using lan = await startLan(2);
  const [seeder, fetcher] = lan.nodes as [NodeProcess, NodeProcess];
  await wait(3000);
  const idle = mib((await seeder.memory()).rssBytes);
  const url = lan.origin.fileUrl(SIZE, 'bench');
  await fetchTo(seeder, url, join(lan.dir, 'source'));
  const fetched = mib((await seeder.memory()).peakBytes);
  // A fresh process: its peak shall be that of serving alone.
  await seeder.stop();
  const holder = await NodeProcess.start(seeder.home);
  lan.nodes[0] = holder;
  await using baseline = await startBaseline({ dir: lan.dir, ...(await keysOf(holder)) });
  const rounds: Round[] = [];
  for (let index = 0; index <= ROUNDS; index++) {
    await touchMemory(join(lan.dir, 'warm'), WRITTEN * BYTES);
    const { seconds: baselineSeconds, cpuSeconds: baselineCpu } = await baseline.fetch(join(lan.dir, 'baseline.out'));
    await rm(join(lan.dir, 'baseline.out'));
    const cryptoPerGb = cryptoSecondsPerGb();
    await touchMemory(join(lan.dir, 'warm'), WRITTEN * BYTES);
    const round = {
      baselineSeconds,
      baselineCpu,
      cryptoPerGb,
      ...(await measure(holder, fetcher, url, join(lan.dir, 'peer.out'))),
    };
    if (index > 0) rounds.push(round);
  }
  const peaks = [
    ['fetching from the origin', fetched],
    ['serving', mib((await holder.memory()).peakBytes)],
    ['fetching from a neighbour', mib((await fetcher.memory()).peakBytes)],
  ] as const;
  return [...speedRows(rounds, baseline.name), ...memoryRows(idle, peaks)];
}

async function keysOf(node: NodeProcess): Promise<{ keyPem: string; chainPem: string }> {
  const domain = join(node.home.dir, 'data', 'domain');
  const [keyPem, chainPem] = await Promise.all(
    ['node.key', 'node.pem'].map((name) => readFile(join(domain, name), 'utf8')),
  );
  return { keyPem: keyPem as string, chainPem: chainPem as string };
}

/** What hashing at one end and AES at both cost when nothing else is done: what no transfer can do without on this machine now. */
function cryptoSecondsPerGb(): number {
  const block = Buffer.alloc(MIB);
  const aes = createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12));
  const start = process.cpuUsage();
  for (let index = 0; index < 128; index++) {
    hash('sha256', block, 'buffer');
    // Once to encrypt and once to decrypt.
    aes.update(block);
    aes.update(block);
  }
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * GB) / (128 * MIB * 1e6);
}

async function measure(
  holder: NodeProcess,
  fetcher: NodeProcess,
  url: string,
  to: string,
): Promise<Pick<Round, 'seconds' | 'cpu'>> {
  await fetcher.client.cache.clear();
  const before = [await holder.cpuSeconds(), await fetcher.cpuSeconds()] as const;
  const view = await fetchTo(fetcher, url, to);
  await fetcher.client.transfers.settled(view.id);
  const after = [await holder.cpuSeconds(), await fetcher.cpuSeconds()] as const;
  if (view.bytesFromPeers !== BYTES) throw new Error(`only ${view.bytesFromPeers} bytes came from the neighbour`);
  const seconds = ((view.finishedMs ?? 0) - (view.startedMs ?? 0)) / 1000;
  await rm(to);
  return { seconds, cpu: [after[0] - before[0], after[1] - before[1]] };
}

function speedRows(rounds: readonly Round[], vs: string): Row[] {
  const median = (pick: (round: Round) => number) => percentile(rounds.map(pick), 0.5);
  const speed = median(({ seconds }) => BYTES / 1e6 / seconds);
  const base = median(({ baselineSeconds }) => BYTES / 1e6 / baselineSeconds);
  const perGb = (seconds: number) => (seconds * GB) / BYTES;
  const both = median(({ cpu }) => perGb(cpu[0] + cpu[1]));
  const floor = median(({ cryptoPerGb }) => cryptoPerGb);
  const cpuBar = `bar ${BAR_CPU_PER_GB} s/GB`;
  return [
    {
      name: 'peer to peer, 1 GiB, TLS + SHA-256, to file',
      value: speed,
      unit: 'MB/s',
      vs: `${vs} (bar ${BAR_RATIO})`,
      ratio: speed / base,
    },
    { name: `  ${vs}`, value: base, unit: 'MB/s' },
    ...rounds
      .slice(0, 1)
      .flatMap(({ baselineCpu }) =>
        baselineCpu === null
          ? []
          : [{ name: `  processor time, ${vs}`, value: median((it) => perGb(it.baselineCpu ?? 0)), unit: 's/GB' }],
      ),
    { name: '  processor time, both ends', value: both, unit: 's/GB', vs: cpuBar, ratio: both / BAR_CPU_PER_GB },
    { name: '  processor time, serving end', value: median(({ cpu }) => perGb(cpu[0])), unit: 's/GB' },
    {
      name: '  processor time, fetching end, copy into the cache included',
      value: median(({ cpu }) => perGb(cpu[1])),
      unit: 's/GB',
    },
    {
      name: '  SHA-256 at one end and AES at both, alone',
      value: floor,
      unit: 's/GB',
      vs: 'all of the above',
      ratio: both / floor,
    },
  ];
}

function memoryRows(idle: number, peaks: readonly (readonly [what: string, mib: number])[]): Row[] {
  const bar = idle + BAR_GROWTH_MIB;
  return [
    { name: '  memory (RSS), idle', value: idle, unit: 'MiB' },
    ...peaks.map(([what, value]) => ({
      name: `  memory (RSS), peak, ${what}`,
      value,
      unit: 'MiB',
      vs: `idle + ${BAR_GROWTH_MIB} MiB`,
      ratio: value / bar,
    })),
  ];
}

function mib(bytes: number): number {
  return bytes / MIB;
}
