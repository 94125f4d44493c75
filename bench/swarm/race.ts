import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TraceEntry, TransferView } from '../../src/job/model/transfer-view.ts';
import { PseudoRandomFile, parseSize } from '../../test/support/pseudo-random-file.ts';
import { FullMemory } from '../full-memory.ts';
import { touchMemory, WRITTEN } from '../touch-memory.ts';
import type { Crowd, Member } from './crowd.ts';
import { resetPeakMemory } from './memory.ts';
import { type Traffic, trafficOf } from './traffic.ts';
import type { WanOrigin } from './wan-origin.ts';

/** What all nodes fetch at the same moment, and what happens meanwhile. */
export interface RaceOptions {
  /** Such as `64MiB`. */
  readonly size: string;
  /** Names the content; nobody may have it yet. */
  readonly seed: string;
  readonly isAnchored: boolean;
  /** Members that die when the first of them has half of the file. */
  readonly victims?: readonly Member[];
}

/** What became of one node that was not killed. */
export interface Finisher {
  readonly member: Member;
  /** From the moment at which all started. */
  readonly seconds: number;
  readonly isRight: boolean;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly traffic: Traffic | null;
  readonly view: TransferView;
  readonly trace: readonly TraceEntry[];
}

/** What a race led to. */
export interface RaceResult {
  readonly bytes: number;
  readonly originBytes: number;
  readonly originRequests: number;
  readonly finishers: readonly Finisher[];
}

/** What was touched and is free again stays in the machine for a race that writes up to this much. */
const MOST_TOUCHED = 4 * 1024 ** 3;

interface Runner {
  readonly member: Member;
  readonly id: string;
  readonly cpuSeconds: number;
  readonly traffic: Traffic | null;
}

/** Lets all members fetch one file at once and waits for all that stay alive. @throws Error when one does not get it */
export async function race(crowd: Crowd, origin: WanOrigin, options: RaceOptions): Promise<RaceResult> {
  const { size, seed, isAnchored, victims = [] } = options;
  const file = new PseudoRandomFile({ size: parseSize(size) as number, seed });
  const sha256 = await file.sha256();
  if (isAnchored) await origin.describe(size, seed);
  const facts = await Promise.all(crowd.members.map((member) => factsOf(crowd, member)));
  await using _ = await warmMemory(crowd, WRITTEN * file.size * crowd.members.length);
  await origin.resetStats();
  const startMs = Date.now();
  const url = origin.url(size, seed, isAnchored);
  const ids = await Promise.all(crowd.members.map((member) => begin(member, url, seed)));
  const runners = crowd.members.map((member, index) => ({
    member,
    id: ids[index] as string,
    ...(facts[index] as Facts),
  }));
  await killAtHalf(
    runners.filter(({ member }) => victims.includes(member)),
    file.size,
  );
  const living = runners.filter(({ member }) => !victims.includes(member));
  await Promise.all(living.map(({ member, id }) => member.process.client.transfers.settled(id)));
  const stats = await origin.stats();
  const finishers = await Promise.all(living.map((runner) => finisherOf(crowd, runner, startMs, seed, sha256)));
  return { bytes: file.size, originBytes: stats.bytesSent, originRequests: stats.requests, finishers };
}

// What holds the memory until the race is over, if that takes anything.
async function warmMemory({ dir }: Crowd, bytes: number): Promise<AsyncDisposable> {
  const path = join(dir, 'warm');
  if (bytes > MOST_TOUCHED) return await FullMemory.fill(path);
  await touchMemory(path, bytes);
  return { [Symbol.asyncDispose]: async () => {} };
}

/** Removes what the members fetched, so that the next race finds room and nobody has anything. */
export async function tidy(crowd: Crowd, seed: string): Promise<void> {
  for (const member of crowd.members) {
    await rm(member.path(seed), { force: true });
    await member.process.client.cache.clear();
  }
}

type Facts = Pick<Runner, 'cpuSeconds' | 'traffic'>;

async function factsOf({ isCounted }: Crowd, { process, machine }: Member): Promise<Facts> {
  await resetPeakMemory(process.pid);
  return { cpuSeconds: await process.cpuSeconds(), traffic: isCounted ? await trafficOf(machine) : null };
}

async function begin(member: Member, url: string, seed: string): Promise<string> {
  const { transfers } = member.process.client;
  return (await transfers.start({ url, destination: member.path(seed), priority: 'foreground' })).id;
}

async function killAtHalf(victims: readonly Runner[], size: number): Promise<void> {
  const hasHalf = async ({ member, id }: Runner) =>
    (await member.process.client.transfers.get(id)).bytesDone >= size / 2;
  while (victims.length > 0 && !(await Promise.all(victims.map(hasHalf))).includes(true)) await wait(20);
  await Promise.all(victims.map(({ member }) => member.process.kill()));
}

async function finisherOf(
  crowd: Crowd,
  { member, id, ...before }: Runner,
  startMs: number,
  seed: string,
  sha256: string,
): Promise<Finisher> {
  const { client } = member.process;
  const after = {
    cpuSeconds: await member.process.cpuSeconds(),
    traffic: crowd.isCounted ? await trafficOf(member.machine) : null,
  };
  const { peakBytes } = await member.process.memory();
  const view = await client.transfers.get(id);
  const trace = await client.transfers.trace(id);
  const isRight = view.state === 'completed' && (await digestOf(member.path(seed))) === sha256;
  return {
    member,
    seconds: ((view.finishedMs ?? Number.NaN) - startMs) / 1000,
    isRight,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    peakBytes,
    traffic: difference(after.traffic, before.traffic),
    view,
    trace,
  };
}

function difference(after: Traffic | null, before: Traffic | null): Traffic | null {
  if (after === null || before === null) return null;
  return { control: after.control - before.control, content: after.content - before.content };
}

/** SHA-256 of a file in hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
