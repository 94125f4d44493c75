/**
 * Shows what nearbits does, on this machine alone: an origin and four nodes,
 * each a process of its own, in a domain of their own on the loopback interface.
 * Node a fetches a file first; b, c and d want it a moment later.
 *
 *   npm run demo                  a table and a picture
 *   npm run demo -- --json        one JSON line at the end
 *   npm run demo -- --size 1GiB   another file size (default 64MiB)
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/core/clock.ts';
import { freeUdpPort } from '../test/support/free-port.ts';
import { joinAll, loopbackConfig, makeHome, NodeProcess } from '../test/support/node-process.ts';
import { OriginProcess } from '../test/support/origin-process.ts';
import { fetchOn, type NodeResult } from './fetch-on.ts';
import { picture, table } from './show.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;

const { values } = parseArgs({ options: { json: { type: 'boolean' }, size: { type: 'string', default: '64MiB' } } });
const say = (text: string) => process.stdout.write(values.json ? '' : `${text}\n`);

const folder = await mkdtemp(join(tmpdir(), 'nearbits-demo-'));
try {
  await using origin = await OriginProcess.start();
  await using nodes = await startNodes();
  const file = await origin.digest(values.size);
  await origin.resetStats();
  const url = origin.fileUrl(values.size);
  await findEachOther(nodes.list);
  const [first, ...others] = nodes.list as [NodeProcess, ...NodeProcess[]];

  say(`\n1. Node a fetches ${url}`);
  const results = [await fetchOn(first, 'a', url, target('a'))];
  say('2. Nodes b, c and d fetch the same URL, all at once');
  results.push(
    ...(await Promise.all(
      others.map((node, index) => fetchOn(node, NAMES[index + 1] as string, url, target(NAMES[index + 1] as string))),
    )),
  );

  const digests = await Promise.all(NAMES.map((name) => digestOf(target(name))));
  const { bytesSent } = await origin.stats();
  report(file, bytesSent, results, digests);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function startNodes(): Promise<AsyncDisposable & { list: NodeProcess[] }> {
  // The demo lifts the caps that keep a working office undisturbed. And it is to show neighbours also on a
  // machine that is slow or busy, so its nodes wait long for them before they turn to the origin.
  const unlimited = { bandwidth: 'unlimited' } as const;
  const extra = { serve: unlimited, swarm: unlimited, search: { patience: { background: '30s' } } } as const;
  const config = loopbackConfig(await freeUdpPort(), extra);
  const homes = await Promise.all(NAMES.map((name) => makeHome(join(folder, name), config)));
  await joinAll('demo', homes);
  say(`Made the domain "demo"; nodes ${NAMES.join(', ')} are members.`);
  const list = await Promise.all(homes.map((home) => NodeProcess.start(home)));
  const stop = async () => void (await Promise.all(list.map((node) => node.stop())));
  return { list, [Symbol.asyncDispose]: stop };
}

/** Waits until discovery has told every node about all others; it has about five seconds' work. */
async function findEachOther(list: readonly NodeProcess[]): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  for (const { client } of list) {
    while ((await client.peers({ signal: deadline })).length < list.length - 1) {
      await systemClock.sleep(100, deadline);
    }
  }
  say('They found each other by broadcast on the loopback interface.');
}

function target(name: string): string {
  return join(folder, `${name}.bin`);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function report(
  file: { size: number; sha256: string },
  originBytes: number,
  results: readonly NodeResult[],
  digests: readonly string[],
): void {
  const nodes = results.map((result, index) => ({ ...result, sha256: digests[index] as string }));
  say(table(file, nodes));
  say(picture(nodes));
  const good = nodes.every((node) => node.sha256 === file.sha256);
  say(good ? 'Every copy has the SHA-256 of the origin.' : 'A copy differs from the origin: this must not happen.');
  if (values.json) {
    const rows = nodes.map(({ name, bytesFromOrigin, bytesFromPeers, ms, sha256 }) => ({
      name,
      bytesFromOrigin,
      bytesFromPeers,
      ms,
      sha256,
    }));
    process.stdout.write(`${JSON.stringify({ file, originBytes, nodes: rows })}\n`);
  }
  if (!good) process.exitCode = 1;
}
