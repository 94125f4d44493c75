import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer } from '../../src/api/server.ts';
import type { CliIo } from '../../src/cli/io.ts';
import type { NodeHandle } from '../../src/cli/node-handle.ts';
import { runCli } from '../../src/cli/program.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import type { NodeOptions } from '../../src/node.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { readPlatformFacts } from '../../src/platform/facts.ts';
import { resolvePaths } from '../../src/platform/paths.ts';
import { Users } from '../../src/security/users.ts';
import { MemoryBackend } from './memory-backend.ts';

/** What one command printed and how it ended. */
export interface CliResult {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** A person at a terminal of a machine of its own: a directory, and nodes that live in memory. */
export class CliMachine implements AsyncDisposable {
  readonly dir: string;
  readonly env: Record<string, string>;
  readonly backend = new MemoryBackend();
  /** The nodes that commands started, by their options. */
  readonly started: NodeOptions[] = [];
  /** Is called with everything a command prints. */
  onPrint: (text: string) => void = () => {};
  /** Is thrown instead of starting a node. */
  createError: NearbitsError | null = null;
  isTerminal = false;
  input = '';
  /** Exit codes of commands that ended at once. */
  readonly endedAtOnce: number[] = [];
  readonly #stopListeners = new Set<() => void>();
  readonly #reloadListeners = new Set<() => void>();

  private constructor(dir: string) {
    this.dir = dir;
    this.env = {
      NEARBITS_DATA_DIR: join(dir, 'data'),
      NEARBITS_CONFIG: join(dir, 'nearbits.yaml'),
      NEARBITS_POLICY: join(dir, 'policy.yaml'),
      NEARBITS_SOCKET: join(dir, 'api.sock'),
    };
  }

  static async create(): Promise<CliMachine> {
    return new CliMachine(await mkdtemp(join(tmpdir(), 'nearbits-cli-')));
  }

  /** Runs one command line. */
  async run(...args: readonly string[]): Promise<CliResult> {
    let out = '';
    let err = '';
    const io: CliIo = {
      env: this.env,
      workingDir: this.dir,
      isTerminal: this.isTerminal,
      isOutputTerminal: this.isTerminal,
      columns: () => 100,
      rows: () => 24,
      out: (text) => {
        out += text;
        this.onPrint(text);
      },
      err: (text) => {
        err += text;
        this.onPrint(text);
      },
      readInput: async () => this.input,
      readSecret: async () => this.input,
      onStopSignal: (listener) => subscribe(this.#stopListeners, listener),
      onReloadSignal: (listener) => subscribe(this.#reloadListeners, listener),
      exitNow: (code) => void this.endedAtOnce.push(code),
    };
    const exit = await runCli(args, { io, clock: systemClock, createNode: (options) => this.#createNode(options) });
    return { exit, out, err };
  }

  /** Runs one command line with --json and reads what it printed. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  async json(...args: readonly string[]): Promise<{ exit: number; value: any }> {
    const { exit, out } = await this.run(...args, '--json');
    return { exit, value: JSON.parse(out) };
  }

  /** A node that runs and answers on the socket until the end of the block. */
  async startDaemon(): Promise<AsyncDisposable> {
    return await this.#serve(this.env.NEARBITS_SOCKET ?? '');
  }

  /** Sends the signal that Ctrl+C sends. */
  pressCtrlC(): void {
    for (const listener of this.#stopListeners) listener();
  }

  /** Sends SIGHUP. */
  hangUp(): void {
    for (const listener of this.#reloadListeners) listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  async #serve(socketPath: string): Promise<ApiServer> {
    const users = await Users.open({ log: silentLogger }, { dataDir: this.env.NEARBITS_DATA_DIR ?? '' });
    const deps = { backend: this.backend, users, clock: systemClock, log: silentLogger };
    return await ApiServer.start(deps, { socketPath, tcp: null, version: '1' });
  }

  async #createNode(options: NodeOptions): Promise<NodeHandle> {
    if (this.createError !== null) throw this.createError;
    this.started.push(options);
    const paths = resolvePaths({ ...readPlatformFacts(), env: this.env }, options, this.dir);
    const server = options.listenApi === true ? await this.#serve(paths.socketPath) : null;
    const { promise, resolve } = Promise.withResolvers<void>();
    options.signal?.addEventListener('abort', () => resolve());
    return {
      backend: Object.assign(this.backend, { requestStop: resolve }),
      paths,
      stopRequested: promise,
      [Symbol.asyncDispose]: async () => await server?.stop(),
    };
  }
}

function subscribe(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
