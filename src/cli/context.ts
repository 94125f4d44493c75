import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { silentLogger } from '../observe/log.ts';
import { readPlatformFacts } from '../platform/facts.ts';
import { type NodePaths, type PathOverrides, resolvePaths } from '../platform/paths.ts';
import type { NodeAccess } from '../sdk/access.ts';
import type { ConnectionOptions } from '../sdk/connection.ts';
import type { ExitCode } from './exit.ts';
import type { CliIo } from './io.ts';
import type { CreateNode, NodeHandle } from './node-handle.ts';
import { Output } from './output.ts';

/** What the command line works with. */
export interface CliDeps {
  readonly io: CliIo;
  readonly clock: Clock;
  readonly createNode: CreateNode;
}

/** The options that every command has. */
export interface GlobalOptions extends PathOverrides {
  readonly json?: boolean;
  readonly socket?: string;
  readonly api?: string;
  readonly token?: string;
}

/** How a command ends: nothing means success. */
export type CommandResult = Promise<ExitCode | undefined>;

/** What a command works with. */
export class CommandContext {
  readonly io: CliIo;
  readonly clock: Clock;
  readonly output: Output;
  readonly paths: NodePaths;
  readonly #createNode: CreateNode;
  readonly #connection: ConnectionOptions;

  constructor(deps: CliDeps, options: GlobalOptions) {
    this.io = deps.io;
    this.clock = deps.clock;
    this.#createNode = deps.createNode;
    this.output = new Output(deps.io, { json: options.json === true });
    const overrides = { ...options, socketPath: options.socket };
    const { env } = deps.io;
    this.paths = resolvePaths({ ...readPlatformFacts(), env }, overrides, deps.io.workingDir);
    this.#connection = {
      socket: this.paths.socketPath,
      url: options.api ?? (env.NEARBITS_API || undefined),
      token: options.token ?? (env.NEARBITS_TOKEN || undefined),
    };
  }

  /** Starts a node in this process that serves the local API. */
  startDaemon(signal: AbortSignal): Promise<NodeHandle> {
    return this.#createNode({ ...this.paths, listenApi: true, signal });
  }

  /** Runs `use` with the node that answers on the socket. @throws NearbitsError E_NOT_RUNNING when none does. */
  async withDaemon<T>(use: (node: NodeAccess) => Promise<T>): Promise<T> {
    await using client = await this.#client();
    return await use(client);
  }

  /**
   * Runs `use` with the node that answers on the socket, or else with one in this process for as long as `use` takes.
   * `peers` says whether that one may talk to neighbours; commands that only look need not. With a token, or an API over
   * TCP, only that node will do: E_NOT_RUNNING when it does not answer.
   */
  async withNode<T>(
    options: { peers: boolean; signal?: AbortSignal },
    use: (node: NodeAccess) => Promise<T>,
  ): Promise<T> {
    await using client = await this.#client();
    // A node of this process would be its owner's, whatever token was given.
    if (this.#isAimed || (await client.isRunning())) return await use(client);
    const config = options.peers ? {} : { config: { peers: { enabled: false } } };
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    await using node = await this.#createOwnNode({ ...config, ...signal });
    const { inProcess } = await import('../sdk/in-process.ts');
    return await use(inProcess(node.backend));
  }

  /** Whether a node answers on the socket. */
  async isDaemonRunning(): Promise<boolean> {
    await using client = await this.#client();
    return await client.isRunning();
  }

  /** Lets a running node read its files again. Returns whether one runs. */
  async reloadDaemon(): Promise<boolean> {
    await using client = await this.#client();
    if (!(await client.isRunning())) return false;
    await client.reload();
    return true;
  }

  /** Whether the caller named a node or a user to act as. */
  get #isAimed(): boolean {
    return this.#connection.url !== undefined || this.#connection.token !== undefined;
  }

  async #createOwnNode(options: Parameters<CreateNode>[0]): Promise<NodeHandle> {
    try {
      return await this.#createNode({ ...this.paths, ...options, log: silentLogger, listenApi: false });
    } catch (error) {
      if (!(error instanceof NearbitsError) || error.code !== 'E_ALREADY_RUNNING') throw error;
      throw new NearbitsError(error.code, `another nearbits process uses ${this.paths.dataDir}`, {
        cause: error,
        details: { dataDir: this.paths.dataDir },
        hint: 'Wait until it is done, or run "nearbits up": then any number of commands work at the same time.',
      });
    }
  }

  /** Loaded when it is needed: commands that never talk to a node start faster without it. */
  async #client() {
    const { NearbitsClient } = await import('../sdk/client.ts');
    return new NearbitsClient(this.#connection);
  }
}
