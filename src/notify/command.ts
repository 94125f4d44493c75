import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../core/clock.ts';
import { systemErrorCode } from '../core/errors.ts';
import { judgeProgram } from './allowed-program.ts';
import type { NotificationTarget, PendingNotification } from './notification.ts';
import { DELIVERED, failed, type Outcome } from './outcome.ts';
import { withTimeLimit } from './time-limit.ts';

/** Time for a command before it is ended. */
export const COMMAND_TIMEOUT_MS = 15 * 60_000;
/** Time between asking a command to end and ending it. */
const GRACE_MS = 2000;

/** Which programs may be run. */
export interface CommandOptions {
  /** The administrator's list, asked at each run: absolute paths; an empty list runs nothing. */
  readonly allowedPrograms: () => readonly string[];
}

/**
 * Runs the commands that users attach to jobs, with the rights of the node. Nothing of a command is interpreted: no shell,
 * no search of PATH, no variables; the program gets its name and the parameters as they are, a fixed
 * environment with the job and the kind of the notification, `/` as its folder, no input, and its output is discarded.
 */
export class CommandRunner {
  readonly #clock: Clock;
  readonly #options: CommandOptions;

  constructor(deps: { readonly clock: Clock }, options: CommandOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  /** Runs a command for one notification; never rejects. Delivered means exit status 0. */
  async run(
    command: NonNullable<NotificationTarget['command']>,
    notification: PendingNotification,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      const rules = { allowed: this.#options.allowedPrograms(), uid: process.getuid?.() ?? null };
      const verdict = await judgeProgram(command.program, rules);
      if ('refused' in verdict) return { result: 'refused', program: command.program, message: verdict.refused };
      const limits = { limitMs: COMMAND_TIMEOUT_MS, signal };
      return await withTimeLimit(this.#clock, limits, (limited) => {
        const child = start(verdict, command.parameters, notification);
        return this.#ended(child, limited);
      });
    } catch (error) {
      return failed(describe(error));
    }
  }

  async #ended(child: ChildProcess, signal: AbortSignal): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const stop = (): void => this.#end(child, promise);
    child.once('error', (error) => resolve(failed(describe(error))));
    child.once('exit', (status, ended) => resolve(outcomeOf(status, ended)));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #end(child: ChildProcess, ended: Promise<Outcome>): void {
    signalGroup(child, 'SIGTERM');
    const timer = this.#clock.after(GRACE_MS, () => signalGroup(child, 'SIGKILL'));
    void ended.finally(() => timer.cancel());
  }
}

function start(
  program: { readonly path: string; readonly name: string },
  parameters: readonly string[],
  notification: PendingNotification,
): ChildProcess {
  return spawn(program.path, [...parameters], {
    argv0: program.name,
    cwd: '/',
    env: {
      PATH: '/usr/bin:/bin',
      LANG: 'C.UTF-8',
      NEARBITS_JOB_ID: notification.jobId,
      NEARBITS_KIND: notification.kind,
    },
    shell: false,
    stdio: 'ignore',
    windowsHide: true,
    // A group of its own, so that what the program started ends with it.
    detached: process.platform !== 'win32',
  });
}

// Only while the program itself runs: afterwards its number may belong to another.
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It ended by itself a moment ago, or may not be signalled; its exit tells.
  }
}

function outcomeOf(status: number | null, signal: NodeJS.Signals | null): Outcome {
  if (status === 0) return DELIVERED;
  return failed(status === null ? `the command was ended by ${signal}` : `the command exited with status ${status}`);
}

function describe(error: unknown): string {
  return `the command could not be run (${systemErrorCode(error) ?? 'unknown'})`;
}
