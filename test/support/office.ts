import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../src/config/schema.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createDomain, createInvite, joinDomain } from '../../src/domain/domain.ts';
import {
  createNode,
  inProcess,
  type NearbitsNode,
  type NodeAccess,
  type NodeEvent,
  type NodeOptions,
  type TransferRequestInput,
  type TransferView,
} from '../../src/index.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { loadOrCreateIdentity } from '../../src/peer/identity.ts';
import { freeUdpPort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';

/** How long a test waits for something that takes a node a few seconds. */
export const PATIENCE = { timeout: 20_000, interval: 25 };

/** A whole node inside the test, with all its parts and on real sockets of the loopback interface. */
export class OfficeNode implements AsyncDisposable {
  readonly home: string;
  readonly node: NearbitsNode;
  readonly access: NodeAccess;
  /** Everything it told since it started. */
  readonly events: NodeEvent[] = [];

  constructor(home: string, node: NearbitsNode) {
    this.home = home;
    this.node = node;
    this.access = inProcess(node.backend);
    node.backend.subscribe((event) => {
      if (event.type !== 'transfer.progress') this.events.push(event);
    });
  }

  path(name: string): string {
    return join(this.home, name);
  }

  /** Where the files of its membership lie. */
  get domainDir(): string {
    return join(this.home, 'data', 'domain');
  }

  /** Fetches a URL to its end, sharing included. */
  async fetch(url: string, request: Partial<TransferRequestInput> = {}): Promise<TransferView> {
    const { id } = await this.access.transfers.start({ url, destination: this.path('file.bin'), ...request });
    return await this.access.transfers.settled(id);
  }

  /** SHA-256 in hex of what it fetched. */
  async digest(name = 'file.bin'): Promise<string> {
    return createHash('sha256')
      .update(await readFile(this.path(name)))
      .digest('hex');
  }

  async codes({ id }: TransferView): Promise<string[]> {
    return (await this.access.transfers.trace(id)).map((entry) => entry.code);
  }

  /** The nodes it knows. */
  async knows(): Promise<string[]> {
    return (await this.access.peers()).map((peer) => peer.nodeId).sort();
  }

  told<Type extends NodeEvent['type']>(type: Type): Extract<NodeEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<NodeEvent, { type: Type }>[];
  }

  /** Replaces nearbits.yaml in one step, as editors do. */
  async configure(config: ConfigInput): Promise<void> {
    await writeFile(this.path('next.yaml'), JSON.stringify(config));
    await rename(this.path('next.yaml'), this.path('nearbits.yaml'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
  }
}

/** What a node of the office is started with. */
export interface OfficeNodeOptions {
  /** Default: `office`, made by the first node that is in it. Null: no domain. */
  readonly domain?: string | null;
  readonly config?: ConfigInput;
  readonly policy?: ConfigInput;
  /** Nodes it is told of by hand; without any it finds others by broadcast. */
  readonly knows?: readonly OfficeNode[];
  readonly options?: NodeOptions;
}

/** A subnet of whole nodes on loopback, with a discovery port of its own; everything ends with the block. */
export class Office implements AsyncDisposable {
  readonly dir: string;
  readonly discoveryPort: number;
  readonly #founders = new Map<string, string>();
  readonly #stack = new AsyncDisposableStack();

  private constructor(dir: string, discoveryPort: number) {
    this.dir = dir;
    this.discoveryPort = discoveryPort;
  }

  static async open(): Promise<Office> {
    const dir = await tempDir();
    const office = new Office(dir.path, await freeUdpPort());
    office.#stack.use(dir);
    return office;
  }

  /** Starts the node of this name, for the first time or again. */
  async start(name: string, options: OfficeNodeOptions = {}): Promise<OfficeNode> {
    const home = join(this.dir, name);
    const dataDir = join(home, 'data');
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (options.domain !== null) await this.join(name, options.domain);
    const config = this.config(options.config, options.knows);
    const files = { configFile: join(home, 'nearbits.yaml'), policyFile: join(home, 'policy.yaml') };
    // JSON is YAML too.
    await writeFile(files.configFile, JSON.stringify(config));
    if (options.policy !== undefined) await writeFile(files.policyFile, JSON.stringify(options.policy));
    const node = await createNode({ dataDir, ...files, log: silentLogger, ...options.options });
    return this.#stack.use(new OfficeNode(home, node));
  }

  /** Makes the node of this name a member; the first of a domain makes the domain. */
  async join(name: string, domain = 'office'): Promise<void> {
    const domainDir = (of: string) => join(this.dir, of, 'data', 'domain');
    const identity = await loadOrCreateIdentity(join(this.dir, name, 'data'));
    const founder = this.#founders.get(domain);
    if (founder === name) return;
    if (founder === undefined) {
      this.#founders.set(domain, name);
      await createDomain(domainDir(name), domain, identity, systemClock);
      return;
    }
    const { token } = await createInvite(domainDir(founder), systemClock);
    await joinDomain(domainDir(name), token, identity, systemClock);
  }

  /** The configuration of a node here; `extra` wins. */
  config(extra: ConfigInput = {}, knows: readonly OfficeNode[] = []): ConfigInput {
    const named = knows.map(({ node }) => `127.0.0.1:${node.ports.peer}/p2p/${node.nodeId}`);
    return {
      ...extra,
      listen: { host: '127.0.0.1', peerPort: 0, contentPort: 0, ...extra.listen },
      discovery: {
        port: this.discoveryPort,
        interfaces: ['127.0.0.1'],
        mdns: false,
        broadcast: knows.length === 0,
        static: named,
        ...extra.discovery,
      },
      cache: { maxSize: '1GiB', minFree: '0', ...extra.cache },
      serve: { bandwidth: 'unlimited', ...extra.serve },
      // Nobody waits for neighbours it was told nothing about.
      search: { patience: { background: knows.length === 0 ? '0' : '2s' }, ...extra.search },
      origin: { proxy: 'none', ...extra.origin },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
