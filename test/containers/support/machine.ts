import { type GenericContainer, getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';

/** Bytes that went over a machine's network interface since it started. */
export interface WireCount {
  /** The machine's own clock, seconds. */
  readonly atSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const STATISTICS = '/sys/class/net/eth0/statistics';

/** One container, and what can happen to a machine. */
export class Machine implements AsyncDisposable {
  readonly #container: StartedTestContainer;

  protected constructor(container: StartedTestContainer) {
    this.#container = container;
  }

  /** Starts a container of which one test has exactly one. */
  protected static start(container: GenericContainer): Promise<StartedTestContainer> {
    return container.withStartupTimeout(60_000).start();
  }

  get id(): string {
    return this.#container.getId();
  }

  /** Under this name other machines of the network find it. */
  get hostName(): string {
    return this.#container.getName().replace('/', '');
  }

  /** Runs a program and returns what it wrote. @throws Error when it ends with another code than 0. */
  async run(...command: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#container.exec(command);
    if (exitCode === 0) return stdout;
    throw new Error(`${this.hostName}: ${command.join(' ')} ended with ${exitCode}\n${stdout}${stderr}`);
  }

  /** Writes a file that only the user of the machine's program can read; its folder is made. */
  async write(path: string, content: string): Promise<void> {
    const script = 'umask 077; mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"';
    await this.run('sh', '-euc', script, 'sh', path, content);
  }

  /** Reads the interface's counters and the clock in one go. */
  async wire(): Promise<WireCount> {
    const files = ['/proc/uptime', `${STATISTICS}/rx_bytes`, `${STATISTICS}/tx_bytes`];
    const [uptime = '', received, sent] = (await this.run('cat', ...files)).split('\n');
    return { atSeconds: Number(uptime.split(' ')[0]), receivedBytes: Number(received), sentBytes: Number(sent) };
  }

  /** Ends every process at once, without a word to anybody. */
  async kill(): Promise<void> {
    await (await this.#raw()).kill();
  }

  /** Starts a killed machine again. */
  async startAgain(): Promise<void> {
    await (await this.#raw()).start();
  }

  /** Freezes every process; connections stay open. */
  async pause(): Promise<void> {
    await (await this.#raw()).pause();
  }

  /** Everything it wrote to its console so far. */
  async log(): Promise<string> {
    const chunks = await (await this.#container.logs()).toArray();
    return chunks.map(String).join('');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Docker cannot stop what is frozen, so it is removed by force.
    await (await this.#raw()).remove({ force: true, v: true });
  }

  async #raw() {
    return (await getContainerRuntimeClient()).container.getById(this.id);
  }
}
