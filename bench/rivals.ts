/**
 * One file from one program to another, of 1 GiB or what `--size` says: nearbits beside nginx -> curl and every BitTorrent program that is
 * installed, in turns, so that a slow moment of the machine hits all of them. The others encrypt nothing but nginx.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PseudoRandomFile, parseSize } from '../test/support/pseudo-random-file.ts';
import { startBaseline } from './baseline.ts';
import { type BenchLan, fetchTo, percentile, startLan } from './pair.ts';
import { type Contestant, type ContestantRun, startTorrents } from './rivals/torrents.ts';
import type { Row } from './row.ts';
import { touchMemory, WRITTEN } from './touch-memory.ts';

const SEED = 'bench';
/** Measured rounds after one that is not. */
const ROUNDS = 3;

export async function run({ size = '1GiB' }: { readonly size?: string }): Promise<Row[]> {
  const bytes = parseSize(size);
  if (bytes === null) throw new Error(`${size} is no size`);
  await using lan = await startLan(2);
  await using started = new AsyncDisposableStack();
  const file = new PseudoRandomFile({ size: bytes, seed: SEED });
  const source = join(lan.dir, 'source');
  const own = await ownContestant(lan, source, size, bytes);
  const nginx = started.use(await nginxContestant(lan));
  const others = [nginx, ...(await startTorrents({ file, source, dir: join(lan.dir, 'rivals') }, started))];
  const runs = new Map<Contestant, ContestantRun[]>([own, ...others].map((it) => [it, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [contestant, all] of runs) {
      await touchMemory(join(lan.dir, 'warm'), WRITTEN * bytes);
      const one = await contestant.fetch();
      if (round > 0) all.push(one);
    }
  }
  return rowsOf(own, runs, size, bytes);
}

async function ownContestant(lan: BenchLan, source: string, size: string, bytes: number): Promise<Contestant> {
  const [holder, fetcher] = lan.nodes as [BenchLan['nodes'][0], BenchLan['nodes'][0]];
  const url = lan.origin.fileUrl(size, SEED);
  await fetchTo(holder, url, source);
  const cpu = async () => (await holder.cpuSeconds()) + (await fetcher.cpuSeconds());
  const fetch = async () => {
    await fetcher.client.cache.clear();
    const before = await cpu();
    const to = join(lan.dir, 'copy');
    const view = await fetchTo(fetcher, url, to);
    await fetcher.client.transfers.settled(view.id);
    const cpuSeconds = (await cpu()) - before;
    if (view.bytesFromPeers !== bytes) throw new Error(`only ${view.bytesFromPeers} bytes came from the neighbour`);
    await rm(to);
    return { seconds: ((view.finishedMs ?? 0) - (view.startedMs ?? 0)) / 1000, cpuSeconds };
  };
  return { name: 'nearbits', fetch, [Symbol.asyncDispose]: async () => {} };
}

async function nginxContestant(lan: BenchLan): Promise<Contestant> {
  const domain = join(lan.nodes[0]?.home.dir ?? '', 'data', 'domain');
  const [keyPem, chainPem] = await Promise.all(
    ['node.key', 'node.pem'].map((it) => readFile(join(domain, it), 'utf8')),
  );
  const baseline = await startBaseline({ dir: lan.dir, keyPem: keyPem as string, chainPem: chainPem as string });
  const fetch = async () => {
    const to = join(lan.dir, 'copy');
    const one = await baseline.fetch(to);
    await rm(to);
    return one;
  };
  return { name: baseline.name, fetch, [Symbol.asyncDispose]: () => baseline[Symbol.asyncDispose]() };
}

function rowsOf(
  own: Contestant,
  runs: ReadonlyMap<Contestant, readonly ContestantRun[]>,
  size: string,
  bytes: number,
): Row[] {
  const median = (contestant: Contestant, pick: (run: ContestantRun) => number) =>
    percentile((runs.get(contestant) ?? []).map(pick), 0.5);
  const speed = (contestant: Contestant) => median(contestant, ({ seconds }) => bytes / 1e6 / seconds);
  return [...runs.keys()].flatMap((it) => {
    const compared = it === own ? {} : { vs: 'nearbits is so many times as fast', ratio: speed(own) / speed(it) };
    const cpu = median(it, ({ cpuSeconds }) => ((cpuSeconds ?? Number.NaN) * 1e9) / bytes);
    return [
      { name: `one to one, ${size}, to file: ${it.name}`, value: speed(it), unit: 'MB/s', ...compared },
      ...(Number.isNaN(cpu) ? [] : [{ name: '  processor time, both ends', value: cpu, unit: 's/GB' }]),
    ];
  });
}
