import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where and how the origin runs. */
export interface OriginProcessOptions {
  readonly rate?: string;
  readonly host?: string;
  readonly through?: readonly string[];
}

/** The stand-alone origin as a process of its own. */
export class OriginProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /**
   * Starts it on loopback or `host`; `rate` caps each answer, such as `10MiB` a second. `through` stands in front of the
   * command and may lead to a machine of its own, which then has to be asked from there.
   */
  static async start(options: OriginProcessOptions = {}): Promise<OriginProcess> {
    const { rate, host = '127.0.0.1', through = [] } = options;
    const main = [process.execPath, join(import.meta.dirname, 'origin-main.ts'), '--host', host, '--port', '0'];
    const [program = '', ...args] = [...through, ...main, ...(rate === undefined ? [] : ['--rate', rate])];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the origin ended before it was ready (${code})`)));
    });
    return new OriginProcess((JSON.parse(line) as { url: string }).url, child);
  }

  /** URL of a pseudo-random file; size such as `64MiB`. */
  fileUrl(size: string, seed = '1'): string {
    return `${this.url}/file/${size}?seed=${seed}`;
  }

  /** URL of the same bytes, with a Metalink document that names the digests of their pieces. */
  anchoredUrl(size: string, seed = '1'): string {
    return `${this.url}/anchored/${size}?seed=${seed}`;
  }

  /** Size and digest of that file, as the origin knows them. */
  async digest(size: string, seed = '1'): Promise<{ size: number; sha256: string }> {
    const answer = await fetch(`${this.url}/sha256/${size}?seed=${seed}`);
    return (await answer.json()) as { size: number; sha256: string };
  }

  /** Requests and content bytes sent since the last reset. */
  async stats(): Promise<{ requests: number; bytesSent: number }> {
    return (await (await fetch(`${this.url}/stats`)).json()) as { requests: number; bytesSent: number };
  }

  async resetStats(): Promise<void> {
    await fetch(`${this.url}/stats/reset`, { method: 'POST' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await gone;
  }
}
