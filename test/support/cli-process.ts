import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import type { NodeHome } from './node-process.ts';

const CLI = join(import.meta.dirname, '..', '..', 'bin', 'nearbits.js');

/** How a command ended. */
export interface CliEnd {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command line as a process of its own, as a user starts it. */
export class CliProcess implements AsyncDisposable {
  /** The first line on standard output. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<CliEnd>;
  readonly #child: ChildProcess;

  constructor(home: NodeHome, ...args: readonly string[]) {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: home.dir,
      env: { ...process.env, NO_COLOR: '1', ...home.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = createInterface({ input: child.stdout });
    this.#child = child;
    this.firstLine = new Promise((resolve) => lines.once('line', resolve));
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    this.ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(([exit, out, err]) => ({
      exit,
      out,
      err,
    }));
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends signals so that they arrive together (Linux): the process is halted meanwhile. */
  async signalTogether(...signals: readonly NodeJS.Signals[]): Promise<void> {
    this.#child.kill('SIGSTOP');
    while (!/^State:\tT/m.test(await readFile(`/proc/${this.#child.pid}/status`, 'utf8'))) await setImmediate();
    for (const signal of signals) this.#child.kill(signal);
    this.#child.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

/** Runs one command to its end, whatever that is. */
export async function runToEnd(home: NodeHome, ...args: readonly string[]): Promise<CliEnd> {
  await using command = new CliProcess(home, ...args);
  return await command.ended;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
type Json = any;

/** Runs one command with --json and reads the one value that it prints, for failures too. */
export async function runJson(
  home: NodeHome,
  ...args: readonly string[]
): Promise<{ exit: number | null; value: Json }> {
  const { exit, out, err } = await runToEnd(home, ...args, '--json');
  try {
    return { exit, value: JSON.parse(out) };
  } catch (cause) {
    throw new Error(`nearbits ${args.join(' ')} ended with ${exit} and printed no JSON: ${out}${err}`, { cause });
  }
}
