import { vi } from 'vitest';
import { toNearbitsError } from '../../../src/core/errors.ts';
import type { Random } from '../../../src/core/random.ts';
import { isFinal } from '../../../src/job/model/state.ts';
import type { JobView } from '../../../src/job/model/view.ts';
import type { Job } from '../../../src/sdk/job.ts';
import type { NodeProcess } from '../node-process.ts';
import type { Listener } from './listener.ts';
import { requestOf } from './plan.ts';
import type { RefetchWatch } from './refetch.ts';
import type { StormJob } from './storm-job.ts';

/** What an owner works with. */
export interface OwnerDeps {
  readonly node: NodeProcess;
  /** Counts the processes of the node, from 1. */
  readonly life: number;
  readonly listener: Listener;
  readonly refetch: RefetchWatch;
  readonly random: Random;
  /** Told what is wrong. */
  readonly report: (problem: string) => void;
}

const PATIENCE_MS = 60_000;

/** Makes and moves jobs during one life of the node, and looks at each before and after. */
export class Owner {
  readonly #deps: OwnerDeps;

  constructor(deps: OwnerDeps) {
    this.#deps = deps;
  }

  /** Compares all jobs of the node with what is known of them. */
  async lookAtAll(jobs: readonly StormJob[]): Promise<void> {
    const views = new Map<string, JobView>();
    for await (const { view } of this.#deps.node.client.jobs.list({ ended: true })) {
      const name = view?.properties.displayName ?? '';
      if (views.has(name)) this.#deps.report(`${name} is there twice`);
      if (view !== null) views.set(name, view);
    }
    for (const job of jobs) await this.#look(job, views.get(job.plan.name) ?? null);
  }

  /** Makes a job. */
  async make(job: StormJob): Promise<void> {
    const { name, priority, fate, atOnce } = job.plan;
    const files = job.plan.files.map(requestOf);
    const request = { displayName: name, priority, autoComplete: fate === 'auto', files, resume: atOnce };
    const made = await job.call(atOnce ? 'way' : 'SUSPENDED', () => this.#deps.node.client.jobs.create(request));
    await this.#look(job, made.view);
  }

  /** Moves a job on, or not, as its fate and chance want it. */
  async touch(job: StormJob): Promise<void> {
    const { random, listener } = this.#deps;
    if (job.ended) return random() < 0.02 ? this.endAgain(job) : undefined;
    const { state } = await this.#lookNow(job);
    const { fate } = job.plan;
    if (isFinal(state)) return;
    if (state === 'SUSPENDED') return job.staysSuspended ? undefined : this.#resume(job);
    if (fate === 'told' && state === 'TRANSFERRED' && listener.wasTold(job)) return this.#complete(job);
    if (fate === 'early' && random() < 0.2) return this.#completeEarly(job);
    if (fate === 'cancelled' && random() < 0.2) return this.#cancel(job);
    if (fate === 'suspended' && random() < 0.4) return this.#suspend(job);
  }

  /** Sees a job through to its end. */
  async finish(job: StormJob): Promise<void> {
    if (!job.exists) await this.make(job);
    if ((await this.#lookNow(job)).state === 'SUSPENDED') await this.#resume(job);
    if (job.ended) return;
    await this.#at(job).transferred({ signal: AbortSignal.timeout(PATIENCE_MS) });
    if (job.plan.fate === 'auto') {
      await vi.waitFor(async () => expectFinal(await this.#lookNow(job)), { timeout: PATIENCE_MS, interval: 50 });
      return;
    }
    await this.#untilTold(job);
    await this.#complete(job);
  }

  /** A job that has ended can neither be completed nor cancelled. */
  async endAgain(job: StormJob): Promise<void> {
    const at = this.#at(job);
    for (const call of [() => at.complete(), () => at.cancel()]) {
      const { code } = await call().then(({ code }) => ({ code }), toNearbitsError);
      if (code === 'E_NOT_RUNNING') return;
      if (code !== 'BG_E_INVALID_STATE') this.#deps.report(`${job.plan.name} was ended again: ${code}`);
    }
  }

  async #resume(job: StormJob): Promise<void> {
    await job.call('way', () => this.#at(job).resume());
  }

  async #suspend(job: StormJob): Promise<void> {
    await job.call('SUSPENDED', () => this.#at(job).suspend());
    job.staysSuspended = true;
  }

  async #complete(job: StormJob): Promise<void> {
    await job.call('ACKNOWLEDGED', () => this.#at(job).complete());
    await this.#lookNow(job);
  }

  async #completeEarly(job: StormJob): Promise<void> {
    this.#deps.refetch.isGivenUp(job.plan.files);
    await this.#complete(job);
  }

  async #cancel(job: StormJob): Promise<void> {
    this.#deps.refetch.isGivenUp(job.plan.files);
    await job.call('CANCELLED', () => this.#at(job).cancel());
    await this.#lookNow(job);
  }

  async #untilTold(job: StormJob): Promise<void> {
    const told = () => {
      if (!this.#deps.listener.wasTold(job)) throw new Error(`nobody was told that ${job.plan.name} is transferred`);
    };
    await vi
      .waitFor(told, { timeout: PATIENCE_MS / 6, interval: 20 })
      .catch((error) => this.#deps.report(error.message));
  }

  #at(job: StormJob): Job {
    return this.#deps.node.client.jobs.at(job.id as string);
  }

  async #lookNow(job: StormJob): Promise<JobView> {
    const view = await this.#at(job).get();
    await this.#look(job, view);
    return view;
  }

  async #look(job: StormJob, view: JobView | null): Promise<void> {
    const problem = job.look(view);
    if (problem !== null) this.#deps.report(problem);
    if (view === null || !isFinal(view.state) || job.ended) return;
    const files = await this.#at(job).files();
    for (const wrong of await job.end(files, this.#deps.life)) this.#deps.report(wrong);
    const complete = job.plan.files.filter((_, index) => files[index]?.completed === true);
    for (const file of complete) this.#deps.refetch.isComplete(file);
  }
}

function expectFinal({ state, properties }: JobView): void {
  if (!isFinal(state)) throw new Error(`${properties.displayName} is ${state} and does not end`);
}
