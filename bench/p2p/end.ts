import { type ChildProcess, fork } from 'node:child_process';

/** What one process used from {@link End.startMeter} to {@link End.stopMeter}. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Resident memory at the start and the most seen since, in bytes. */
  readonly idleBytes: number;
  readonly peakBytes: number;
}

type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** One end of a transfer: a process of its own that does what it is told by messages. */
export class End implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(script: string) {
    this.#child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** Calls the handler of that name in the process; fails when the process does. */
  call<T>(name: string, argument?: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const ended = () => reject(new Error(`the process ended during ${name}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (answer: { value?: T; error?: string }) => {
        this.#child.off('exit', ended);
        if (answer.error === undefined) resolve(answer.value as T);
        else reject(new Error(answer.error));
      });
      this.#child.send({ name, argument });
    });
  }

  startMeter(): Promise<void> {
    return this.call('startMeter');
  }

  stopMeter(): Promise<Usage> {
    return this.call('stopMeter');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await gone;
  }
}

/** For the script of an {@link End}: answers its calls until the other side is gone, then ends the process. */
export function serveCalls(handlers: Handlers): void {
  const all: Handlers = { ...handlers, ...meter() };
  process.on('message', async ({ name, argument }: { name: string; argument: never }) => {
    try {
      process.send?.({ value: await all[name]?.(argument) });
    } catch (error) {
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

function meter(): Handlers {
  let cpu = process.cpuUsage();
  let idleBytes = 0;
  let peakBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  return {
    startMeter() {
      idleBytes = process.memoryUsage.rss();
      peakBytes = idleBytes;
      cpu = process.cpuUsage();
      // Looking costs a fifth of a millisecond, so not too often: it is measured too.
      timer = setInterval(look, 100);
    },
    stopMeter(): Usage {
      clearInterval(timer);
      look();
      const { user, system } = process.cpuUsage(cpu);
      return { cpuSeconds: (user + system) / 1e6, idleBytes, peakBytes };
    },
  };
}
