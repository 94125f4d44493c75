import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The stand-alone origin as a process of its own. */
export class OriginProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** Starts it on loopback; `rate` caps each answer, such as `10MiB` a second. */
  static async start(options: { readonly rate?: string } = {}): Promise<OriginProcess> {
    const args = [join(import.meta.dirname, 'origin-main.ts'), '--port', '0'];
    if (options.rate !== undefined) args.push('--rate', options.rate);
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
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
