/** One file from peer to peer with the cap lifted: mutual TLS 1.3, SHA-256 at both ends, written to a file. */
import { createCipheriv, hash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Baseline, startBaseline } from './p2p/baseline.ts';
import { End, type Usage } from './p2p/end.ts';
import type { Row } from './row.ts';

const FILE_BYTES = 1024 ** 3;
const GB = 1e9;
const MIB = 1024 ** 2;
/** Measured rounds after one that is not: both programs take turns, so that a slow moment of the machine hits both. */
const ROUNDS = 3;
/** design.md section 11. */
const BAR_CPU_PER_GB = 2.5;
const BAR_GROWTH_MIB = 70;

interface Round {
  readonly seconds: number;
  readonly baselineSeconds: number;
  readonly cryptoPerGb: number;
  readonly holder: Usage;
  readonly fetcher: Usage;
}

export async function run(): Promise<Row[]> {
  await using cleanup = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'nearbits-bench-'));
  cleanup.defer(() => rm(dir, { recursive: true, force: true }));
  const holder = cleanup.use(new End(join(import.meta.dirname, 'p2p', 'holder.ts')));
  const fetcher = cleanup.use(new End(join(import.meta.dirname, 'p2p', 'fetcher.ts')));
  const held = await holder.call<object>('start', { dir, bytes: FILE_BYTES });
  await fetcher.call('start', { ...held, dir, host: '127.0.0.1' });
  const keyPem = await readFile(join(dir, 'holder', 'node.key'), 'utf8');
  const chainPem = await readFile(join(dir, 'holder', 'node.pem'), 'utf8');
  const baseline = cleanup.use(await startBaseline({ dir, keyPem, chainPem }));
  const rounds: Round[] = [];
  for (let index = 0; index <= ROUNDS; index++) rounds.push(await measure(dir, holder, fetcher, baseline));
  return rowsOf(rounds, baseline.name);
}

async function measure(dir: string, holder: End, fetcher: End, baseline: Baseline): Promise<Round> {
  const baselineSeconds = await baseline.fetch(join(dir, 'baseline.out'));
  await Promise.all([holder.startMeter(), fetcher.startMeter()]);
  const seconds = await fetcher.call<number>('fetch', { path: join(dir, 'peer.out') });
  const cryptoPerGb = cryptoSecondsPerGb();
  return {
    seconds,
    baselineSeconds,
    cryptoPerGb,
    holder: await holder.stopMeter(),
    fetcher: await fetcher.stopMeter(),
  };
}

/** What hashing and AES cost at both ends when nothing else is done: what no transfer can do without on this machine now. */
function cryptoSecondsPerGb(): number {
  const block = Buffer.alloc(MIB);
  const aes = createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12));
  const start = process.cpuUsage();
  for (let index = 0; index < 128; index++) {
    hash('sha256', block, 'buffer');
    aes.update(block);
  }
  const { user, system } = process.cpuUsage(start);
  return (2 * (user + system) * GB) / (128 * MIB * 1e6);
}

function rowsOf(all: readonly Round[], baselineName: string): Row[] {
  const rounds = all.slice(1);
  const speed = median(rounds.map(({ seconds }) => FILE_BYTES / 1e6 / seconds));
  const baseline = median(rounds.map(({ baselineSeconds }) => FILE_BYTES / 1e6 / baselineSeconds));
  const cpu = (end: 'holder' | 'fetcher') => median(rounds.map((round) => (round[end].cpuSeconds * GB) / FILE_BYTES));
  const both = cpu('holder') + cpu('fetcher');
  const floor = median(rounds.map(({ cryptoPerGb }) => cryptoPerGb));
  const bar = `bar ${BAR_CPU_PER_GB} s/GB`;
  return [
    {
      name: 'peer-to-peer: 1 GiB, TLS + SHA-256, to file',
      value: speed,
      unit: 'MB/s',
      vs: baselineName,
      ratio: speed / baseline,
    },
    { name: `peer-to-peer: ${baselineName}`, value: baseline, unit: 'MB/s' },
    {
      name: 'peer-to-peer: processor time, both ends',
      value: both,
      unit: 's/GB',
      vs: bar,
      ratio: both / BAR_CPU_PER_GB,
    },
    {
      name: 'peer-to-peer: processor time, both ends',
      value: both,
      unit: 's/GB',
      vs: 'SHA-256 and AES alone',
      ratio: both / floor,
    },
    { name: 'peer-to-peer: processor time of SHA-256 and AES alone', value: floor, unit: 's/GB' },
    { name: 'peer-to-peer: processor time, serving end', value: cpu('holder'), unit: 's/GB' },
    { name: 'peer-to-peer: processor time, fetching end', value: cpu('fetcher'), unit: 's/GB' },
    ...memoryRows(
      'serving end',
      all.map(({ holder }) => holder),
    ),
    ...memoryRows(
      'fetching end',
      all.map(({ fetcher }) => fetcher),
    ),
  ];
}

// The idle figure is that before the first round: later ones begin with buffers that are kept.
function memoryRows(end: string, usages: readonly Usage[]): Row[] {
  const idle = (usages[0]?.idleBytes ?? 0) / MIB;
  const peak = Math.max(...usages.map(({ peakBytes }) => peakBytes)) / MIB;
  const vs = `idle + ${BAR_GROWTH_MIB} MiB`;
  return [
    { name: `peer-to-peer: memory (RSS) idle, ${end}`, value: idle, unit: 'MiB' },
    {
      name: `peer-to-peer: memory (RSS) peak, ${end}`,
      value: peak,
      unit: 'MiB',
      vs,
      ratio: peak / (idle + BAR_GROWTH_MIB),
    },
  ];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
