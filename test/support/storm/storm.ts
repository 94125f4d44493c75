import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../../../src/core/random.ts';
import { type NodeHome, NodeProcess } from '../node-process.ts';
import { Listener } from './listener.ts';
import { Owner } from './owner.ts';
import type { StormPlan } from './plan.ts';
import type { RefetchWatch } from './refetch.ts';
import { StormJob } from './storm-job.ts';

/** The longest time from the moment a process is ready to its death. */
const LONGEST_LIFE_MS = 1200;
/** After a new job is made, so many others are looked at. */
const TOUCHES = 4;

/** What a storm works with. */
export interface StormDeps {
  readonly home: NodeHome;
  readonly random: Random;
  readonly refetch: RefetchWatch;
}

/** Many jobs on a node that dies again and again. */
export class Storm {
  readonly jobs: readonly StormJob[];
  /** What went wrong, in words. */
  readonly wrong: string[] = [];
  readonly #deps: StormDeps;
  readonly #listener: Listener;
  #life = 0;

  constructor(deps: StormDeps, plans: readonly StormPlan[]) {
    this.#deps = deps;
    this.jobs = plans.map((plan) => new StormJob(plan));
    this.#listener = new Listener({ ...deps, jobs: this.jobs, report: this.#report });
  }

  /** One life of the node: the owner makes so many jobs and moves others, until the process is killed. */
  async liveAndDie(newJobs: number): Promise<void> {
    const death = new AbortController();
    await using node = await NodeProcess.start(this.#deps.home);
    const owner = await this.#begin(node);
    const listening = this.#listener.listen(node.client.jobs, this.#life, death.signal);
    const acting = this.#act(owner, newJobs, death.signal);
    await Promise.race([acting, wait(this.#deps.random() * LONGEST_LIFE_MS)]);
    death.abort();
    await node.kill();
    await Promise.all([listening, acting]);
    await this.#deps.refetch.died(this.jobs.flatMap((job) => (job.ended ? [] : job.plan.files)));
  }

  /** The last life but one: every job is made, goes on, and ends as its owner wants it to. */
  async liveToTheEnd(): Promise<void> {
    const over = new AbortController();
    await using node = await NodeProcess.start(this.#deps.home);
    const owner = await this.#begin(node);
    const listening = this.#listener.listen(node.client.jobs, this.#life, over.signal);
    for (const job of this.jobs) if (!job.ended) await owner.finish(job);
    for (const job of this.jobs) await owner.endAgain(job);
    over.abort();
    await listening;
    await this.#deps.refetch.died([]);
  }

  /** One more start, after which nothing may happen any more. */
  async liveOn(): Promise<void> {
    await using node = await NodeProcess.start(this.#deps.home);
    const owner = await this.#begin(node);
    for (const job of this.jobs) await owner.endAgain(job);
  }

  /** The files of ended jobs that are not as their owner left them. */
  async touched(): Promise<string[]> {
    return (await Promise.all(this.jobs.map((job) => job.touched()))).flat();
  }

  readonly #report = (problem: string): void => {
    this.wrong.push(`life ${this.#life}: ${problem}`);
  };

  async #begin(node: NodeProcess): Promise<Owner> {
    this.#life++;
    const owner = new Owner({
      ...this.#deps,
      node,
      life: this.#life,
      listener: this.#listener,
      report: this.#report,
    });
    await owner.lookAtAll(this.jobs);
    return owner;
  }

  async #act(owner: Owner, newJobs: number, death: AbortSignal): Promise<void> {
    const unmade = this.jobs.filter((job) => !job.exists).slice(0, newJobs);
    try {
      for (const job of unmade) {
        if (death.aborted) return;
        await owner.make(job);
        for (let touch = 0; touch < TOUCHES; touch++) await owner.touch(this.#anyJob());
      }
      while (!death.aborted) await owner.touch(this.#anyJob());
    } catch (error) {
      // The call that the kill cut off: whether it happened is seen in the next life.
      if (!death.aborted) throw error;
    }
  }

  #anyJob(): StormJob {
    const made = this.jobs.filter((job) => job.exists);
    return made[Math.floor(this.#deps.random() * made.length)] as StormJob;
  }
}
