import { join } from 'node:path';
import { type GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { vi } from 'vitest';
import type { SwarmView } from '../../../src/api/swarm-views.ts';
import type { NodeStatus, PeerView } from '../../../src/api/views.ts';
import type { TransferView } from '../../../src/job/model/transfer-view.ts';
import { Machine } from './machine.ts';
import type { OriginFile } from './origin-machine.ts';

/** How a node starts. */
export interface NodeOptions {
  /** With this it joins a domain first; without it, it is in none. */
  readonly token?: string;
  /** Its nearbits.yaml. */
  readonly config?: string;
  /** It gives wrong bytes of files that are still being fetched; see test/support/bad-sender.ts. */
  readonly sendsBadBytes?: boolean;
}

/** What a download led to. */
export interface Download extends TransferView {
  /** Digest of the file that lies at the destination, taken by another program. */
  readonly fileSha256: string;
}

const CONFIG_FILE = '/etc/nearbits/nearbits.yaml';
// A member stays one when its machine starts again.
const JOIN_AND_START =
  '[ -z "$TOKEN" ] || [ -f "$NEARBITS_DATA_DIR/domain/node.pem" ] || nearbits domain join "$TOKEN"; exec $PROGRAM up';
const BAD_SENDER = {
  source: join(import.meta.dirname, '../../support/bad-sender.ts'),
  target: '/app/test/support/bad-sender.ts',
};

/** Discovery has to find a neighbour within this time, on a slow machine too. */
const DISCOVERY_MS = 45_000;

/** News of a ban travel within this time; members stay in touch half a minute after the last has its file. */
const BAN_NEWS_MS = 20_000;

/** A machine with a running node. It is driven by the command line only, as a person would. */
export class NodeMachine extends Machine {
  #downloads = 0;

  /** Starts it; resolves when the node is ready. */
  static async create(container: GenericContainer, options: NodeOptions): Promise<NodeMachine> {
    const program = options.sendsBadBytes === true ? `node ${BAD_SENDER.target}` : 'nearbits';
    const prepared = container
      .withEntrypoint(['/bin/sh', '-euc', JOIN_AND_START])
      .withEnvironment({ TOKEN: options.token ?? '', PROGRAM: program })
      .withCopyFilesToContainer(options.sendsBadBytes === true ? [BAD_SENDER] : [])
      .withCopyContentToContainer([{ content: options.config ?? '{}', target: CONFIG_FILE, mode: 0o644 }])
      .withWaitStrategy(Wait.forLogMessage(/ready/));
    return new NodeMachine(await Machine.start(prepared));
  }

  private constructor(container: StartedTestContainer) {
    super(container);
  }

  /** Runs `nearbits … --json` and reads its last line. */
  async nearbits<T>(...args: string[]): Promise<T> {
    const output = await this.run('nearbits', ...args, '--json');
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as T;
  }

  /** Its state. */
  status(): Promise<NodeStatus> {
    return this.nearbits<NodeStatus>('status');
  }

  /** Its neighbours. */
  async peers(): Promise<PeerView[]> {
    return (await this.nearbits<{ peers: PeerView[] }>('peers')).peers;
  }

  /** Waits until it knows the other node and has reason to ask it. */
  async finds(other: NodeMachine): Promise<PeerView> {
    const [peer] = await this.knows([(await other.status()).nodeId]);
    return peer as PeerView;
  }

  /** Waits until it knows all nodes with these ids and has reason to ask them. */
  async knows(nodeIds: readonly string[]): Promise<PeerView[]> {
    return await vi.waitFor(
      async () => {
        const peers = (await this.peers()).filter(({ nodeId, available }) => available && nodeIds.includes(nodeId));
        if (peers.length < nodeIds.length) throw new Error(`${this.hostName} knows ${peers.length} of ${nodeIds}`);
        return peers;
      },
      { timeout: DISCOVERY_MS, interval: 250 },
    );
  }

  /** Waits until it has banned another node from the swarm of a file, whether that ever gave it anything or not. */
  async bans(nodeId: string, { url }: OriginFile): Promise<void> {
    await vi.waitFor(
      async () => {
        const { swarms } = await this.nearbits<{ swarms: SwarmView[] }>('swarms');
        const swarm = swarms.find((it) => it.url === url);
        if (swarm?.banned.includes(nodeId) !== true)
          throw new Error(`${this.hostName} has not banned ${nodeId}: ${JSON.stringify(swarm)}`);
      },
      { timeout: BAN_NEWS_MS, interval: 250 },
    );
  }

  /** Downloads a file with the given options of `nearbits get`. @throws Error when that fails. */
  async download(file: OriginFile, ...options: string[]): Promise<Download> {
    const destination = `/tmp/download-${++this.#downloads}`;
    const transfer = await this.nearbits<TransferView>('get', file.url, '-o', destination, ...options);
    const [fileSha256 = ''] = (await this.run('sha256sum', destination)).split(' ');
    return { ...transfer, fileSha256 };
  }

  /** Waits until so many bytes have reached it since `start`. */
  async hasReceived(bytes: number, start: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const received = (await this.wire()).receivedBytes - start;
        if (received < bytes) throw new Error(`${this.hostName} received only ${received} bytes`);
      },
      { timeout: 60_000, interval: 100 },
    );
  }
}
