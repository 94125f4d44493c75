import { type GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import type { OriginStats } from '../../support/origin-server.ts';
import { Machine } from './machine.ts';
import type { TunedContainer } from './tuned-container.ts';

const PORT = 8080;

/** A file of the test origin: its bytes follow from size and seed. */
export interface OriginFile {
  readonly url: string;
  readonly size: number;
  readonly sha256: string;
}

/** The origin of docker-compose.yml as a machine. */
export class OriginMachine extends Machine {
  #nextSeed = 1;

  /** Starts it on the network; resolves when it answers. */
  static async create(container: GenericContainer): Promise<OriginMachine> {
    return new OriginMachine(await Machine.start(container.withWaitStrategy(Wait.forLogMessage('"ready":true'))));
  }

  private constructor(container: StartedTestContainer) {
    super(container);
  }

  /** The same on a link that carries no more than `rate` to all machines together, as in `100mbit`. */
  static createSlow(container: TunedContainer, rate: string): Promise<OriginMachine> {
    const linked = container
      .withAddedCapabilities('NET_ADMIN')
      .withEnvironment({ ORIGIN_LINK: rate })
      // What waits in the buffers of a connection that its client gives up has not left the origin, but counts as sent.
      .withSysctls({ 'net.ipv4.tcp_wmem': '4096 65536 262144' });
    return OriginMachine.create(linked);
  }

  /** A file that no test had before. `size` as in `16MiB`. */
  async newFile(size: string): Promise<OriginFile> {
    const path = `${size}?seed=${this.#nextSeed++}`;
    const facts = await this.#ask<{ size: number; sha256: string }>(`/sha256/${path}`);
    return { url: `http://${this.hostName}:${PORT}/file/${path}`, ...facts };
  }

  /** The same, and the origin says the digests of its pieces to all who ask for it. */
  async newAnchoredFile(size: string): Promise<OriginFile> {
    const { url, ...facts } = await this.newFile(size);
    return { url: url.replace('/file/', '/anchored/'), ...facts };
  }

  /** Bytes of files that it sent since the last {@link resetCount}. */
  async bytesSent(): Promise<number> {
    return (await this.#ask<OriginStats>('/stats')).bytesSent;
  }

  /** Starts counting anew. */
  async resetCount(): Promise<void> {
    await this.#ask('/stats/reset', 'POST');
  }

  // Asked from inside, so that no port has to be opened on the machine that runs the tests.
  async #ask<T>(path: string, method = 'GET'): Promise<T> {
    const script =
      'const [url, method] = process.argv.slice(1); fetch(url, { method }).then((a) => a.text()).then(console.log)';
    return JSON.parse(await this.run('node', '-e', script, `http://127.0.0.1:${PORT}${path}`, method)) as T;
  }
}
