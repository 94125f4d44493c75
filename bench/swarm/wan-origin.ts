import { OriginProcess } from '../../test/support/origin-process.ts';
import type { OriginStats } from '../../test/support/origin-server.ts';
import { type Lan, type LanMachine, runOn } from './namespaces.ts';

/** The origin of the tests on a machine of its own, behind a slow link. */
export class WanOrigin implements AsyncDisposable {
  readonly machine: LanMachine;
  readonly #process: OriginProcess;

  private constructor(machine: LanMachine, process: OriginProcess) {
    this.machine = machine;
    this.#process = process;
  }

  /** Puts it on the network. `rate` is the link to the internet of the whole office, such as `100mbit`. */
  static async start(lan: Lan, rate: string): Promise<WanOrigin> {
    const machine = await lan.machine({ rate });
    // What waits in the buffers of a connection that its client gives up has not left the origin, but counts as sent.
    await runOn(machine, 'sysctl', '-qw', 'net.ipv4.tcp_wmem=4096 65536 262144');
    return new WanOrigin(machine, await OriginProcess.start(machine));
  }

  /** URL of a file of this size, such as `64MiB`; with an anchor it comes with the digests of its pieces. */
  url(size: string, seed: string, isAnchored = false): string {
    return isAnchored ? this.#process.anchoredUrl(size, seed) : this.#process.fileUrl(size, seed);
  }

  /** Lets the origin compute what it says about a file before somebody waits for it, and returns its Metalink document. */
  async describe(size: string, seed: string): Promise<string> {
    return await this.#ask('GET', `/metalink/${size}?seed=${seed}`);
  }

  /** Requests for files and bytes of them that it sent since the last {@link resetStats}; some may not have arrived. */
  async stats(): Promise<OriginStats> {
    return JSON.parse(await this.#ask('GET', '/stats')) as OriginStats;
  }

  /** Starts counting anew. */
  async resetStats(): Promise<void> {
    await this.#ask('POST', '/stats/reset');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  // From its own machine, since nothing leads there.
  async #ask(method: string, path: string): Promise<string> {
    const script =
      'const [url, method] = process.argv.slice(1); fetch(url, { method }).then((a) => a.text()).then((t) => process.stdout.write(t))';
    return await runOn(this.machine, process.execPath, '-e', script, `${this.#process.url}${path}`, method);
  }
}
