import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ConfigInput } from '../../src/config/schema.ts';
import { NearbitsClient } from '../../src/sdk/client.ts';

/** The program as a user starts it: built when dist/ is as new as the sources, else straight from them. */
const CLI = join(import.meta.dirname, '..', '..', 'bin', 'nearbits.js');

/** Where one node keeps everything. */
export interface NodeHome {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How a node is started. */
export interface NodeProcessOptions {
  /** Stands in front of the command, such as one that leads to another network namespace. */
  readonly through?: readonly string[];
  /** Run in place of the command line, with its arguments. */
  readonly program?: string;
}

/** What `nearbits up --json` says when it is ready. */
export interface ReadyLine {
  readonly nodeId: string;
  readonly socket: string;
}

/** Makes the home of a node: a directory with its configuration. */
export async function makeHome(dir: string, config: ConfigInput): Promise<NodeHome> {
  await mkdir(dir, { recursive: true });
  const env = {
    NEARBITS_DATA_DIR: join(dir, 'data'),
    NEARBITS_CONFIG: join(dir, 'nearbits.yaml'),
    NEARBITS_POLICY: join(dir, 'policy.yaml'),
    NEARBITS_SOCKET: join(dir, 'api.sock'),
  };
  // JSON is YAML too.
  await writeFile(env.NEARBITS_CONFIG, JSON.stringify(config));
  return { dir, env };
}

/** Configuration of a node that meets its neighbours on this machine's loopback only. */
export function loopbackConfig(discoveryPort: number, extra: ConfigInput = {}): ConfigInput {
  return {
    ...extra,
    listen: { host: '127.0.0.1', peerPort: 0, contentPort: 0, ...extra.listen },
    discovery: { port: discoveryPort, interfaces: ['127.0.0.1'], mdns: false, ...extra.discovery },
    cache: { maxSize: '4GiB', minFree: '0', ...extra.cache },
    log: { level: 'warn', ...extra.log },
  };
}

/** Runs one command to its end and returns what it printed as JSON; throws with its messages when it fails. */
export async function runCli(home: NodeHome, ...args: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, [CLI, ...args, '--json'], {
    env: { ...process.env, ...home.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)]);
  if (code !== 0) throw new Error(`nearbits ${args.join(' ')} ended with ${code}: ${errors}${out}`);
  return JSON.parse(out);
}

/** Makes the first home a member of a new domain and lets the others join it. */
export async function joinAll(domain: string, homes: readonly NodeHome[]): Promise<void> {
  const [first, ...others] = homes as readonly [NodeHome, ...NodeHome[]];
  await runCli(first, 'domain', 'create', domain);
  const { token } = (await runCli(first, 'domain', 'invite')) as { token: string };
  await Promise.all(others.map((home) => runCli(home, 'domain', 'join', token)));
}

/** Processor seconds of a process so far, user and system (Linux, 100 ticks a second). */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** A node as a process of its own: the real daemon, killed and measured from outside. */
export class NodeProcess implements AsyncDisposable {
  readonly home: NodeHome;
  readonly ready: ReadyLine;
  readonly client: NearbitsClient;
  readonly #child: ChildProcess;

  private constructor(home: NodeHome, ready: ReadyLine, child: ChildProcess) {
    this.home = home;
    this.ready = ready;
    this.#child = child;
    this.client = new NearbitsClient({ socket: ready.socket });
  }

  /** Starts `nearbits up` and waits for its ready line. */
  static async start(home: NodeHome, options: NodeProcessOptions = {}): Promise<NodeProcess> {
    const { program = CLI, through = [] } = options;
    const [command = '', ...args] = [...through, process.execPath, program, 'up', '--json'];
    const child = spawn(command, args, {
      env: { ...process.env, ...home.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      child.once('exit', (code, signal) => reject(new Error(`the node ended before it was ready (${code ?? signal})`)));
    });
    return new NodeProcess(home, JSON.parse(line) as ReadyLine, child);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Resident memory in bytes now, and its peak (Linux). */
  async memory(): Promise<{ rssBytes: number; peakBytes: number }> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
    return { rssBytes: field('VmRSS'), peakBytes: field('VmHWM') };
  }

  /** Processor seconds used so far, user and system. */
  cpuSeconds(): Promise<number> {
    return cpuSecondsOf(this.pid);
  }

  /** Ends the process at once, as a power cut would. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = exitCode(this.#child);
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** Asks the process to stop and waits for it. */
  async stop(): Promise<void> {
    await this.client.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = exitCode(this.#child);
    this.#child.kill('SIGTERM');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += chunk;
  return all;
}
