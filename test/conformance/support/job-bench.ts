import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { createNode, type NearbitsNode } from '../../../src/node.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { freeTcpPort, freeUdpPort } from '../../support/free-port.ts';
import { loopbackConfig, makeHome, type NodeHome } from '../../support/node-process.ts';
import { bytesContent, type Faults, type OriginScript } from '../../support/origin-script.ts';
import { OriginServer } from '../../support/origin-server.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { eventually, type FileInput, JobApi } from './job-api.ts';
import { addUsers } from './users.ts';

/** One file at the origin, and what a job has to be told about it. */
export interface TestFile {
  readonly content: Buffer;
  /** Its path at the origin. */
  readonly path: string;
  readonly url: string;
  /** Where the job shall put it. */
  readonly localName: string;
  readonly add: FileInput;
}

/** Whose files and jobs they are. */
export type UserName = 'admin' | 'alice' | 'bob' | 'carol';

export interface TestFileOptions extends Partial<OriginScript> {
  readonly bytes?: number;
  /** Whose folder it is put in. */
  readonly user?: UserName;
  readonly content?: never;
}

export interface BenchOptions {
  readonly config?: ConfigInput;
  /** What happens in the home of the node before it starts, such as making a domain. */
  readonly before?: (home: NodeHome) => Promise<unknown>;
}

interface BenchParts {
  readonly dir: AsyncDisposable;
  readonly home: NodeHome;
  readonly config: ConfigInput;
  readonly origin: OriginServer;
  readonly tokens: readonly string[];
  readonly node: NearbitsNode;
}

const POOL = randomBytes(16 * 2 ** 20);

/** Random bytes that take no memory of their own. */
function randomContent(bytes: number): Buffer {
  const start = Math.floor(Math.random() * (POOL.length - bytes));
  return POOL.subarray(start, start + bytes);
}

const USERS = ['alice', 'bob', 'carol'] as const;
// Origins that hang are wanted here, and every failure shall reach the job at once.
const PATIENT = { headersTimeout: '10min', stallTimeout: '10min', minRate: '0', retries: 0, proxy: 'none' } as const;

/** A node with its API, an origin, the administrator who owns it, and two users. */
export class JobBench implements AsyncDisposable {
  readonly origin: OriginServer;
  readonly home: NodeHome;
  /** The owner of the node, over its socket. */
  readonly admin: JobApi;
  /** Users with tokens, over TCP; each may write only in a folder of the own name. */
  readonly alice: JobApi;
  readonly bob: JobApi;
  /** An administrator who, too, may write only there. */
  readonly carol: JobApi;
  readonly #dir: AsyncDisposable;
  #node: NearbitsNode;
  #config: ConfigInput;
  #files = 0;

  private constructor({ dir, home, config, origin, tokens, node }: BenchParts) {
    this.#dir = dir;
    this.home = home;
    this.origin = origin;
    this.#config = config;
    this.#node = node;
    const url = `http://127.0.0.1:${config.api?.tcp?.port}`;
    this.admin = new JobApi({ socket: node.paths.socketPath });
    const doors = tokens.map((token) => new JobApi({ url, token }));
    [this.alice, this.bob, this.carol] = doors as [JobApi, JobApi, JobApi];
  }

  static async open({ config: extra = {}, before }: BenchOptions = {}): Promise<JobBench> {
    const dir = await tempDir();
    const api = { tcp: { enabled: true, port: await freeTcpPort() } };
    const origin = { ...PATIENT, ...extra.origin };
    const config = loopbackConfig(await freeUdpPort(), { ...extra, origin, api });
    const home = await makeHome(join(dir.path, 'node'), config);
    await before?.(home);
    for (const name of ['admin', ...USERS]) await mkdir(join(home.dir, name));
    const tokens = await addUsers(
      home,
      USERS.map((name) => ({ name, administrator: name === 'carol', folders: [join(home.dir, name)] })),
    );
    const node = await startNode(home);
    return new JobBench({ dir, home, config, tokens, node, origin: await OriginServer.start() });
  }

  /** What runs in the node as a whole: ports and the like. */
  get node(): NearbitsNode {
    return this.#node;
  }

  /** Where files of a user go. */
  folder(user: UserName = 'admin'): string {
    return join(this.home.dir, user);
  }

  /** Puts a file of its own on the origin, random unless told otherwise. */
  file({ bytes = 100_000, user = 'admin', ...script }: TestFileOptions = {}): TestFile {
    const name = `file-${++this.#files}.bin`;
    const content = randomContent(bytes);
    const url = this.origin.serve(`/${name}`, { ...script, content: bytesContent(content) });
    const localName = join(this.folder(user), name);
    return { content, path: `/${name}`, url, localName, add: { remoteUrl: url, localName } };
  }

  /** Puts other faults, or none, on the path of a file from now on. */
  mend(file: TestFile, script: Partial<OriginScript> & { faults?: Faults } = {}): void {
    this.origin.serve(file.path, { content: bytesContent(file.content), ...script });
  }

  /** Waits until the origin was asked for a file that many times. */
  async asked(file: TestFile, times = 1): Promise<void> {
    const requests = () => this.origin.statsOf(file.path).requests;
    await eventually(
      () => requests() >= times,
      () => `the origin was asked ${requests()} times for ${file.path}`,
    );
  }

  /** Changes the configuration of the running node. */
  async configure(change: ConfigInput): Promise<void> {
    this.#config = { ...this.#config, ...change };
    await writeFile(this.home.env.NEARBITS_CONFIG as string, JSON.stringify(this.#config));
    await this.admin.ask('POST', '/v1/reload');
  }

  /** Stops the node, lets something happen, and starts it again in the same place. */
  async restart(between: () => Promise<unknown> = async () => undefined): Promise<void> {
    await this.#node.stop();
    await between();
    this.#node = await startNode(this.home);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const api of [this.admin, this.alice, this.bob, this.carol]) await api[Symbol.asyncDispose]();
    await this.origin.stop();
    await this.#node.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}

function startNode({ env }: NodeHome): Promise<NearbitsNode> {
  return createNode({
    dataDir: env.NEARBITS_DATA_DIR as string,
    configFile: env.NEARBITS_CONFIG as string,
    policyFile: env.NEARBITS_POLICY as string,
    socketPath: env.NEARBITS_SOCKET as string,
    log: silentLogger,
    listenApi: true,
  });
}
