import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '../../support/temp-dir.ts';
import { eventually } from './job-api.ts';

/** Programs for jobs to run, in a folder of their own, and what their runs wrote down. */
export class NotifyPrograms implements AsyncDisposable {
  readonly #dir: AsyncDisposable & { readonly path: string };

  private constructor(dir: AsyncDisposable & { readonly path: string }) {
    this.#dir = dir;
  }

  static async open(): Promise<NotifyPrograms> {
    return new NotifyPrograms(await tempDir());
  }

  /** Makes a script that writes down its first parameter, the kind, and its second one, and exits with a status. */
  async make(name: string, status: number): Promise<string> {
    const path = join(this.#dir.path, name);
    const line = `printf '%s %s %s\\n' "$1" "$NEARBITS_KIND" "$2" >> ${this.#dir.path}/runs`;
    await writeFile(path, `#!/bin/sh\n${line}\nexit ${status}\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** What the runs with this first parameter wrote down. */
  async runs(mark: string): Promise<string[]> {
    const text = await readFile(join(this.#dir.path, 'runs'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line.startsWith(`${mark} `));
  }

  /** The same, once there are so many runs. */
  async ran(mark: string, times = 1): Promise<string[]> {
    const enough = async () => (await this.runs(mark)).length >= times;
    await eventually(enough, () => `${mark} did not run ${times} times`);
    return this.runs(mark);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}
