import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Names of namespaces begin with this and the id of the process that made them. */
const PREFIX = 'nearbits-bench-';

/** How fast a machine may send: a rate as `tc` takes it, such as `100mbit`. */
export interface LinkOptions {
  readonly rate?: string;
}

/** A machine on the network: a network namespace with one interface, `eth0`. */
export interface LanMachine {
  readonly host: string;
  /** What stands in front of a command that shall run on this machine. */
  readonly through: readonly string[];
}

/** Why no network can be made here; null when one can. */
export async function whyNoNamespaces(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `${PREFIX}${process.pid}-try`;
  try {
    await ip('netns', 'add', name);
    await run('tc', ['-n', name, 'qdisc', 'add', 'dev', 'lo', 'root', ...bucket('100mbit')]);
    return null;
  } catch (error) {
    return `network namespaces cannot be made: ${(error as Error).message.trim()}`;
  } finally {
    await ip('netns', 'del', name).catch(() => {});
  }
}

/**
 * A switch with machines on it, all of them network namespaces of this computer. Nothing of it can be seen from outside,
 * and everything goes with it, the processes in it too.
 */
export class Lan implements AsyncDisposable {
  readonly #name: string;
  readonly #made: string[] = [];
  #machines = 0;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Makes the switch, after removing what dead processes left behind. */
  static async create(): Promise<Lan> {
    await removeLeftOvers();
    const lan = new Lan(`${PREFIX}${process.pid}-lan`);
    await lan.#namespace(lan.#name);
    await ip('-n', lan.#name, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
    await ip('-n', lan.#name, 'addr', 'add', `${NETWORK}.1/24`, 'dev', 'br0');
    await ip('-n', lan.#name, 'link', 'set', 'br0', 'up');
    return lan;
  }

  /** Puts a machine on the switch. At most 200; with a rate, it sends no faster. */
  async machine({ rate }: LinkOptions = {}): Promise<LanMachine> {
    const index = this.#machines++;
    const name = `${PREFIX}${process.pid}-${index}`;
    const host = `${NETWORK}.${10 + index}`;
    await this.#namespace(name);
    const port = `port${index}`;
    await ip('-n', this.#name, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    await ip('-n', this.#name, 'link', 'set', port, 'master', 'br0', 'up');
    await ip('-n', name, 'addr', 'add', `${host}/24`, 'broadcast', `${NETWORK}.255`, 'dev', 'eth0');
    await ip('-n', name, 'link', 'set', 'eth0', 'up');
    // Leads nowhere, but without it nothing can be sent to a multicast group.
    await ip('-n', name, 'route', 'add', 'default', 'via', `${NETWORK}.1`);
    if (rate !== undefined) await run('tc', ['-n', name, 'qdisc', 'add', 'dev', 'eth0', 'root', ...bucket(rate)]);
    return { host, through: ['ip', 'netns', 'exec', name] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#made.splice(0)) await remove(name);
  }

  async #namespace(name: string): Promise<void> {
    await ip('netns', 'add', name);
    this.#made.push(name);
    await ip('-n', name, 'link', 'set', 'lo', 'up');
  }
}

/** Runs a program on a machine to its end and returns what it printed. @throws Error when it fails */
export async function runOn(machine: LanMachine, ...command: readonly string[]): Promise<string> {
  const [program = '', ...args] = [...machine.through, ...command];
  return (await run(program, args, { maxBuffer: 2 ** 24 })).stdout;
}

/** Addresses that nobody routes (RFC 2544 gives them to benchmarks). */
const NETWORK = '198.18.0';

// A burst of 128 KiB is what a link of 1 Gbit/s sends within 1 ms; 50 ms is the queue of a good router.
function bucket(rate: string): string[] {
  return ['tbf', 'rate', rate, 'burst', '128kb', 'latency', '50ms'];
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await run('ip', args)).stdout;
}

async function removeLeftOvers(): Promise<void> {
  const names = (await ip('netns', 'list')).split('\n').map((line) => line.split(' ')[0] as string);
  for (const name of names) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await remove(name);
  }
}

// A benchmark that was killed leaves its nodes running, too.
async function remove(name: string): Promise<void> {
  for (const pid of (await ip('netns', 'pids', name)).split('\n').filter((line) => line !== '')) {
    process.kill(Number(pid), 'SIGKILL');
  }
  await ip('netns', 'del', name);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
