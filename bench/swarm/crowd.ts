import { join } from 'node:path';
import type { ConfigInput } from '../../src/config/schema.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ENOUGH_ANSWERS } from '../../src/peer/discovery/decisions.ts';
import { makeMembers } from '../../test/support/membership.ts';
import { makeHome, type NodeHome, NodeProcess } from '../../test/support/node-process.ts';
import type { Lan, LanMachine, LinkOptions } from './namespaces.ts';
import { countTraffic } from './traffic.ts';

/** As they come, but for what a machine of the benchmark has less of than an office: disks and the internet. */
const CONFIG: ConfigInput = {
  cache: { maxSize: '4GiB', minFree: '0' },
  origin: { proxy: 'none' },
  log: { level: 'warn' },
};

/** So many start at once: starting takes a second of processor time each. */
const STARTING = 4;
/** How long finding each other may take, in milliseconds. */
const DISCOVERY_MS = 120_000;

/** A node that is told nothing but its membership, on a machine of its own. */
export class Member {
  readonly name: string;
  readonly machine: LanMachine;
  readonly home: NodeHome;
  #process: NodeProcess | null = null;
  #isOrdinary = true;

  constructor(name: string, machine: LanMachine, home: NodeHome) {
    this.name = name;
    this.machine = machine;
    this.home = home;
  }

  /** The daemon. @throws Error when it does not run */
  get process(): NodeProcess {
    if (this.#process === null) throw new Error(`${this.name} does not run`);
    return this.#process;
  }

  /** Whether it runs the daemon itself, so that its memory and processor time mean something. */
  get isOrdinary(): boolean {
    return this.#isOrdinary;
  }

  /** Starts the daemon, or another program that behaves like one. */
  async start(program?: string): Promise<void> {
    const { through } = this.machine;
    this.#isOrdinary = program === undefined;
    this.#process = await NodeProcess.start(this.home, { through, ...(program === undefined ? {} : { program }) });
  }

  /** Lets it find out that it is to end, and waits. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = null;
  }

  /** Where the file of a race goes. */
  path(name: string): string {
    return join(this.home.dir, name);
  }
}

/** Members of one domain, each on a machine of its own on one network. */
export class Crowd implements AsyncDisposable {
  readonly members: readonly Member[];
  /** Where all that they have lies. */
  readonly dir: string;
  /** Whether what they receive is counted. */
  readonly isCounted: boolean;

  private constructor(members: readonly Member[], dir: string, isCounted: boolean) {
    this.members = members;
    this.dir = dir;
    this.isCounted = isCounted;
  }

  /** Makes `count` members below `dir`, which do not run yet. */
  static async gather(lan: Lan, dir: string, count: number, link: LinkOptions = {}): Promise<Crowd> {
    const members: Member[] = [];
    let isCounted = true;
    for (let index = 0; index < count; index++) {
      const name = `node${index}`;
      const machine = await lan.machine(link);
      isCounted = (await countTraffic(machine)) && isCounted;
      members.push(new Member(name, machine, await makeHome(join(dir, name), CONFIG)));
    }
    await makeMembers(
      'bench',
      members.map(({ home }) => home),
    );
    return new Crowd(members, dir, isCounted);
  }

  /** Starts all of them, and waits until they have found each other. */
  async start(): Promise<void> {
    await inGroups(this.members, (member) => member.start());
    await this.findEachOther();
  }

  /** Waits until every node knows all others, or as many as discovery brings. @throws Error after two minutes */
  async findEachOther(): Promise<void> {
    const deadline = AbortSignal.timeout(DISCOVERY_MS);
    const enough = Math.min(this.members.length - 1, ENOUGH_ANSWERS);
    for (const { process } of this.members) {
      while ((await process.client.peers({ signal: deadline })).length < enough) {
        await systemClock.sleep(250, deadline);
      }
    }
  }

  /** Stops all of them; idempotent. */
  async stop(): Promise<void> {
    await inGroups(this.members, (member) => member.stop());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function inGroups(members: readonly Member[], act: (member: Member) => Promise<void>): Promise<void> {
  for (let at = 0; at < members.length; at += STARTING) {
    await Promise.all(members.slice(at, at + STARTING).map(act));
  }
}
