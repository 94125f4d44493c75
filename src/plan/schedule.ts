import { IdQueue } from './id-queue.ts';

/** Levels of jobs, the most urgent first (BITS: BG_JOB_PRIORITY). */
export const LEVELS = ['FOREGROUND', 'HIGH', 'NORMAL', 'LOW'] as const;
export type Level = (typeof LEVELS)[number];

/** What to do now. */
export interface Decision {
  /** Jobs to start; they count as running from now on. */
  readonly start: readonly string[];
  /** Jobs to stop; they are ready again and keep what they fetched. None of them is in `start`. */
  readonly preempt: readonly string[];
  /** When to ask again although nothing changed: the end of a time slice; null when no slice matters. */
  readonly wakeAtMs: number | null;
}

interface Job {
  level: Level;
  running: boolean;
  /** When the job was started; null while it waits, and until the next decision when it only now became a background job. */
  fromMs: number | null;
  /** Time of its slice that it used in earlier runs. */
  usedMs: number;
}

/**
 * Which jobs run (BITS: transfer priorities). All FOREGROUND jobs run at once, always, and beside them exactly one
 * background job: of the highest level that has any, in turns of one time slice, first come first served.
 *
 * - A job that a higher level pushed aside goes to the head of its level and keeps the rest of its slice.
 * - A job whose slice is over goes to the tail of its level, if another one of its level waits; alone it runs on, and
 *   makes room as soon as another one comes.
 *
 * Plain data: it knows no clock and starts nothing. Every time is one of the same monotonic clock. All calls take the
 * same time with ten or ten thousand jobs that wait. After any change `decide` says what follows from it.
 */
export class Schedule {
  readonly #jobs = new Map<string, Job>();
  readonly #ready: Readonly<Record<Level, IdQueue>> = {
    FOREGROUND: new IdQueue(),
    HIGH: new IdQueue(),
    NORMAL: new IdQueue(),
    LOW: new IdQueue(),
  };
  /** Background jobs that run: one after each decision; more only while a foreground job became a background one. */
  readonly #background = new Set<string>();
  #sliceMs: number;

  /** `sliceMs` is the time a background job runs before the next of its level; above 0. */
  constructor(options: { readonly sliceMs: number }) {
    this.#sliceMs = options.sliceMs;
  }

  /** Whether the job waits or runs. */
  has(id: string): boolean {
    return this.#jobs.has(id);
  }

  /** Adds a job that is ready to run at the tail of its level. One that is there already stays as it is. */
  add(id: string, level: Level): void {
    if (this.#jobs.has(id)) return;
    this.#jobs.set(id, { level, running: false, fromMs: null, usedMs: 0 });
    this.#ready[level].append(id);
  }

  /** Takes a job out that ended, failed or was suspended; unknown ones are ignored. */
  remove(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#jobs.delete(id);
    this.#background.delete(id);
    this.#ready[job.level].delete(id);
  }

  /** Moves a job to another level: a waiting one to its tail, a running one keeps running until the next decision. */
  setLevel(id: string, level: Level): void {
    const job = this.#jobs.get(id);
    if (job === undefined || job.level === level) return;
    if (this.#ready[job.level].delete(id)) this.#ready[level].append(id);
    if (job.running) this.#moveRunning(id, job, level);
    job.level = level;
  }

  /** Changes the length of a slice, also of the running one. */
  setSlice(ms: number): void {
    this.#sliceMs = ms;
  }

  /** Decides what runs from `nowMs` on. */
  decide(nowMs: number): Decision {
    const start = this.#startForeground();
    const chosen = this.#chooseBackground(nowMs);
    const preempt = [...this.#background].filter((id) => id !== chosen);
    for (const id of preempt) this.#putBack(id, nowMs);
    if (chosen !== null && this.#begin(chosen, nowMs)) start.push(chosen);
    return { start, preempt, wakeAtMs: this.#sliceEndMs(chosen) };
  }

  #startForeground(): string[] {
    const ready = this.#ready.FOREGROUND;
    const started: string[] = [];
    for (let id = ready.first(); id !== null; id = ready.first()) {
      ready.delete(id);
      this.#job(id).running = true;
      started.push(id);
    }
    return started;
  }

  /** The highest level wins; within it a running job whose slice is not over, then the one that waits longest. */
  #chooseBackground(nowMs: number): string | null {
    const level = this.#highestLevel();
    if (level === null) return null;
    const running = [...this.#background].filter((id) => this.#job(id).level === level);
    const unfinished = running.find((id) => !this.#isSliceOver(this.#job(id), nowMs));
    return unfinished ?? this.#ready[level].first() ?? running[0] ?? null;
  }

  #highestLevel(): Level | null {
    const running = [...this.#background].map((id) => this.#job(id).level);
    return (
      LEVELS.find((level) => level !== 'FOREGROUND' && (this.#ready[level].size > 0 || running.includes(level))) ?? null
    );
  }

  /** Lets a background job run; false when it runs already. */
  #begin(id: string, nowMs: number): boolean {
    const job = this.#job(id);
    const starts = this.#ready[job.level].delete(id);
    job.running = true;
    job.fromMs ??= nowMs;
    this.#background.add(id);
    return starts;
  }

  #putBack(id: string, nowMs: number): void {
    const job = this.#job(id);
    const over = this.#isSliceOver(job, nowMs);
    job.usedMs = over ? 0 : usedMs(job, nowMs);
    job.running = false;
    job.fromMs = null;
    this.#background.delete(id);
    if (over) this.#ready[job.level].append(id);
    else this.#ready[job.level].prepend(id);
  }

  #moveRunning(id: string, job: Job, level: Level): void {
    if (job.level !== 'FOREGROUND' && level !== 'FOREGROUND') return;
    job.fromMs = null;
    job.usedMs = 0;
    if (level === 'FOREGROUND') this.#background.delete(id);
    else this.#background.add(id);
  }

  #isSliceOver(job: Job, nowMs: number): boolean {
    return usedMs(job, nowMs) >= this.#sliceMs;
  }

  #sliceEndMs(id: string | null): number | null {
    const job = id === null ? undefined : this.#jobs.get(id);
    if (job === undefined || job.fromMs === null || this.#ready[job.level].size === 0) return null;
    return job.fromMs - job.usedMs + this.#sliceMs;
  }

  #job(id: string): Job {
    return this.#jobs.get(id) as Job;
  }
}

function usedMs(job: Job, nowMs: number): number {
  return job.usedMs + (job.fromMs === null ? 0 : nowMs - job.fromMs);
}
