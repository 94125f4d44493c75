import { vi } from 'vitest';
import type { CallResult, FilledRange, JobFileView, JobView } from '../../../src/job/model/view.ts';
import type { NodeMachine } from './node-machine.ts';

/** A file of a job: where it is and where it goes. `ranges` as the command line takes them. */
export interface MachineFile {
  readonly url: string;
  readonly path: string;
  readonly ranges?: string;
}

/** A job on a machine, driven by the command line as a person would. */
export class MachineJob {
  readonly name: string;
  readonly #node: NodeMachine;

  private constructor(node: NodeMachine, name: string) {
    this.#node = node;
    this.name = name;
  }

  /** Makes a job with these files and lets it begin; `options` are those of `nearbits job create`. */
  static async begin(
    node: NodeMachine,
    name: string,
    files: readonly MachineFile[],
    ...options: string[]
  ): Promise<MachineJob> {
    const whole = files.filter(({ ranges }) => ranges === undefined).flatMap(({ url, path }) => ['--file', url, path]);
    await node.nearbits('job', 'create', name, ...whole, ...options);
    for (const { url, path, ranges } of files) {
      if (ranges !== undefined) await node.nearbits('job', 'add-ranges', name, url, path, ranges);
    }
    await node.nearbits('job', 'resume', name);
    return new MachineJob(node, name);
  }

  /** Lets it try again as early as may be after a transient error. */
  async retryEarly(): Promise<void> {
    await this.#node.nearbits('job', 'set', this.name, 'minimum-retry-delay=5s');
  }

  /** The job as it is now. */
  view(): Promise<JobView> {
    return this.#node.nearbits<JobView>('job', 'info', this.name);
  }

  /** Its files. */
  async files(): Promise<JobFileView[]> {
    return (await this.#node.nearbits<{ files: JobFileView[] }>('job', 'files', this.name)).files;
  }

  /** Which bytes of a file are there for good. */
  async filled(file = 0): Promise<FilledRange[]> {
    return (await this.#node.nearbits<{ ranges: FilledRange[] }>('job', 'filled', this.name, String(file))).ranges;
  }

  /** Waits until the job is as `holds` wants it. @throws Error with the job as it is after a minute */
  async until(holds: (job: JobView) => boolean): Promise<JobView> {
    return await vi.waitFor(
      async () => {
        const view = await this.view();
        if (!holds(view)) throw new Error(`${this.name} is ${JSON.stringify(view)}`);
        return view;
      },
      { timeout: 60_000, interval: 100 },
    );
  }

  /** Waits until so many bytes of it are there. */
  hasBytes(bytes: number): Promise<JobView> {
    return this.until((job) => job.bytes.transferred >= bytes);
  }

  /** Waits until it is in this state. */
  is(state: JobView['state']): Promise<JobView> {
    return this.until((job) => job.state === state);
  }

  /** Completes it and returns the digests of the files, taken by another program. */
  async complete(...paths: readonly string[]): Promise<string[]> {
    const { code } = await this.#node.nearbits<CallResult>('job', 'complete', this.name);
    if (code !== 'S_OK') throw new Error(`${this.name} was completed with ${code}`);
    const lines = (await this.#node.run('sha256sum', ...paths)).trim().split('\n');
    return lines.map((line) => line.split(' ')[0] as string);
  }
}
