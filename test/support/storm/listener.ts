import type { Random } from '../../../src/core/random.ts';
import type { JobNotification } from '../../../src/job/model/view.ts';
import type { Jobs } from '../../../src/sdk/jobs.ts';
import type { StormJob } from './storm-job.ts';

/** What a listener works with. */
export interface ListenerDeps {
  readonly random: Random;
  readonly jobs: readonly StormJob[];
  /** Told of each notification that must not be. */
  readonly report: (problem: string) => void;
}

/** Listens for the owner of the jobs, and acknowledges half of what is told. */
export class Listener {
  readonly #deps: ListenerDeps;
  /** Acknowledged notifications, with the life of the node in which that was answered. */
  readonly #acknowledged = new Map<string, number>();
  /** Ids of the jobs that were told to be transferred. */
  readonly #transferred = new Set<string>();

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
  }

  /** Whether the owner was told that this job is transferred. */
  wasTold({ id }: StormJob): boolean {
    return id !== null && this.#transferred.has(id);
  }

  /** Listens until the signal aborts. */
  async listen(jobs: Jobs, life: number, signal: AbortSignal): Promise<void> {
    try {
      for await (const note of jobs.notifications({ signal })) {
        this.#hear(note, life);
        if (this.#deps.random() < 0.5) continue;
        await note.acknowledge();
        this.#acknowledged.set(note.id, life);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #hear({ id, jobId, kind, job: shown }: JobNotification, life: number): void {
    const { report } = this.#deps;
    const job = this.#deps.jobs.find((one) => one.id === jobId);
    const what = `'${kind}' of ${shown.displayName}`;
    // Within one life a notification may be on its way already while it is acknowledged or its job ends.
    if ((this.#acknowledged.get(id) ?? life) < life) report(`${what} was acknowledged before`);
    // A job that completed itself tells until it is acknowledged; one that its owner ended tells no more.
    const endedInLife = job?.plan.fate === 'auto' ? life : (job?.endedInLife ?? life);
    if (endedInLife < life) report(`${what} was told after the end of the job`);
    if (kind === 'transferred') this.#transferred.add(jobId);
    else report(`${what} was not expected`);
  }
}
