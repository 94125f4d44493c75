import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { isFinal, type JobState } from '../../../src/job/model/state.ts';
import type { JobFileView, JobView } from '../../../src/job/model/view.ts';
import type { StormFile, StormPlan } from './plan.ts';

/** Where a job can be; ABSENT before anybody made it. */
type Place = JobState | 'ABSENT';

const ON_ITS_WAY: readonly Place[] = ['QUEUED', 'CONNECTING', 'TRANSFERRING', 'TRANSFERRED'];
const OWNERS_TEXT = 'changed by the owner';

/** What the owner left at the place of a file after the job was complete. */
type Left = { readonly path: string } & (
  | { readonly what: 'nothing' }
  | { readonly what: 'own text' }
  | { readonly what: 'the file'; readonly inode: number; readonly modifiedMs: number }
);

/** A job of the storm, and where it may be by all that its owner was told. */
export class StormJob {
  readonly plan: StormPlan;
  id: string | null = null;
  /** The life of the process in which the owner learned that the job has ended, or null. */
  endedInLife: number | null = null;
  /** Whether its owner suspended it on purpose. */
  staysSuspended = false;
  #may: ReadonlySet<Place> = new Set<Place>(['ABSENT']);
  #filesThere = 0;
  #left: readonly Left[] = [];

  constructor(plan: StormPlan) {
    this.plan = plan;
  }

  get ended(): boolean {
    return this.endedInLife !== null;
  }

  /** Whether a call that makes it went through, as far as is known. */
  get exists(): boolean {
    return this.id !== null;
  }

  /** Makes a call that moves the job: until it is answered the job may be on either side of it. */
  async call<T>(to: 'way' | 'SUSPENDED' | 'ACKNOWLEDGED' | 'CANCELLED', call: () => Promise<T>): Promise<T> {
    const after = to === 'way' ? this.#way() : [to];
    // Made and resumed by one call, it can be suspended in between.
    const between = this.exists ? [] : (['SUSPENDED'] as const);
    this.#may = new Set([...this.#may, ...between, ...after]);
    const answer = await call();
    this.#may = new Set(after);
    return answer;
  }

  /** Takes in what the node shows of the job, null when it shows none; returns what is wrong with that, or null. */
  look(view: JobView | null): string | null {
    const state = view?.state ?? 'ABSENT';
    const { name } = this.plan;
    if (!this.#may.has(state)) return `${name} is ${state}, which is none of ${[...this.#may].join(', ')}`;
    this.#may = new Set<Place>(ON_ITS_WAY.includes(state) ? this.#way() : [state]);
    if (view === null) return null;
    this.id = view.id;
    const before = this.#filesThere;
    this.#filesThere = view.files.transferred;
    if (isFinal(view.state) || view.files.transferred >= before) return null;
    return `${name} had ${before} files and has ${view.files.transferred} now`;
  }

  /** After Complete or Cancel: compares every file, then leaves something of its own there. Returns what is wrong. */
  async end(files: readonly JobFileView[], life: number): Promise<string[]> {
    const wrong: string[] = [];
    for (const [index, file] of this.plan.files.entries()) {
      const problem = await judge(file, files[index] as JobFileView);
      if (problem !== null) wrong.push(`${this.plan.name}: ${problem}`);
    }
    this.endedInLife = life;
    this.#left = await Promise.all(this.plan.files.map((file, index) => leave(file.path, index)));
    return wrong;
  }

  /** What of the owner's files is not as the owner left it. */
  async touched(): Promise<string[]> {
    const changes = await Promise.all(this.#left.map(async (left) => ((await isAsLeft(left)) ? [] : [left.path])));
    return changes.flat();
  }

  #way(): readonly Place[] {
    return this.plan.fate === 'auto' ? [...ON_ITS_WAY, 'ACKNOWLEDGED'] : ON_ITS_WAY;
  }
}

/** A completed file is right to the last byte; of any other nothing is there. Temporary files are there for neither. */
async function judge({ path, sha256 }: StormFile, { completed }: JobFileView): Promise<string | null> {
  for (const suffix of ['.nbpart', '.nbpart.log'])
    if (await exists(path + suffix)) return `${path}${suffix} is left over`;
  if (!completed) return (await exists(path)) ? `${path} was given up and is there` : null;
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return found === sha256 ? null : `${path} is damaged`;
}

async function leave(path: string, index: number): Promise<Left> {
  if (!(await exists(path))) return { path, what: 'nothing' };
  if (index === 0) {
    await rm(path);
    return { path, what: 'nothing' };
  }
  if (index === 1) {
    await writeFile(path, OWNERS_TEXT);
    return { path, what: 'own text' };
  }
  const { ino, mtimeMs } = await stat(path);
  return { path, what: 'the file', inode: ino, modifiedMs: mtimeMs };
}

async function isAsLeft(left: Left): Promise<boolean> {
  if (left.what === 'nothing') return !(await exists(left.path));
  if (!(await exists(left.path))) return false;
  if (left.what === 'own text') return (await readFile(left.path, 'utf8')) === OWNERS_TEXT;
  const { ino, mtimeMs } = await stat(left.path);
  return ino === left.inode && mtimeMs === left.modifiedMs;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
