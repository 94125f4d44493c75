import type { DescribedContent } from '../../content/given-metalink.ts';
import type { JobId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import type { Database, Table, WriteOp } from '../../store/database.ts';
import type { Job } from '../job.ts';
import { isFinal } from '../model/state.ts';
import type { TraceEntry } from '../model/transfer-view.ts';
import { JobRecord, MAX_ENDED_JOBS } from './job-record.ts';
import { MetalinkRecord, readMetalinkRecord, writeMetalinkRecord } from './metalink-record.ts';
import { TraceRecord } from './trace-record.ts';

/** Keeps jobs and their traces over restarts, in a database of their own: damage to the cache's index does not touch them. */
export class JobStore {
  readonly #database: Database;
  readonly #jobs: Table<JobRecord>;
  readonly #ended: Table<JobRecord>;
  readonly #traces: Table<TraceEntry[]>;
  readonly #metalinks: Table<MetalinkRecord>;

  readonly #log: Logger;

  constructor(database: Database, log: Logger) {
    this.#database = database;
    this.#log = log;
    this.#jobs = database.table('jobs', JobRecord);
    this.#ended = database.table('ended', JobRecord);
    this.#traces = database.table('traces', TraceRecord);
    this.#metalinks = database.table('metalinks', MetalinkRecord);
  }

  /** Every job that has not ended, in the order of their making. What was stored for others is forgotten. */
  async load(): Promise<JobRecord[]> {
    const all: JobRecord[] = [];
    for await (const [, record] of this.#jobs.entries()) all.push(record);
    await this.#forgetMetalinksOfOthers(new Set(all.map(({ id }) => id)));
    return all.sort((a, b) => a.createdMs - b.createdMs);
  }

  /** The newest {@link MAX_ENDED_JOBS} jobs that ended, oldest first; older ones are forgotten. */
  async loadEnded(): Promise<JobRecord[]> {
    const all: JobRecord[] = [];
    for await (const [, record] of this.#ended.entries()) all.push(record);
    all.sort((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0));
    const surplus = all.splice(0, Math.max(0, all.length - MAX_ENDED_JOBS));
    for (const record of surplus) await this.forget(record.id as JobId);
    return all;
  }

  /** Stores the job as it stands; it survives a crash of the process from then on. */
  async save(job: Job): Promise<void> {
    await this.#database.write(this.#keeping(job));
  }

  /**
   * Stores what happened to a job together with its trace. What the store cannot take is true all the same: it is logged,
   * told as it is while the node runs, and found out again after a restart from the files. `write` may write more with it.
   */
  async record(job: Job, write: (ops: WriteOp[]) => Promise<void> = (ops) => this.#database.write(ops)): Promise<void> {
    try {
      await write(this.#saving(job));
    } catch (error) {
      this.#log.error({ err: error, job: job.id }, 'what happened to a job could not be stored');
    }
  }

  /** The same for a job that ended. */
  async recordEnd(job: Job): Promise<void> {
    try {
      await this.end(job);
    } catch (error) {
      this.#log.error({ err: error, job: job.id }, 'the end of a job could not be stored');
    }
  }

  /** Stores what Metalink documents say about files of a job, by the index of the file. */
  async saveMetalinks({ id }: Job, described: ReadonlyMap<number, DescribedContent>): Promise<void> {
    const ops: WriteOp[] = [];
    for (const [index, content] of described) {
      ops.push(this.#metalinks.putting(metalinkKey(id, index), writeMetalinkRecord(content)));
    }
    await this.#database.write(ops);
  }

  // A crash may come between the document of a new file and the file.
  async #forgetMetalinksOfOthers(known: ReadonlySet<string>): Promise<void> {
    const ops: WriteOp[] = [];
    for await (const key of this.#metalinks.keys()) {
      if (!known.has(key.slice(0, key.indexOf('/')))) ops.push(this.#metalinks.deleting(key));
    }
    await this.#database.write(ops);
  }

  /** What the document says that was given for a file of a job that has not ended, or null. */
  async metalink(id: JobId, index: number): Promise<DescribedContent | null> {
    const record = await this.#metalinks.get(metalinkKey(id, index));
    return record === undefined ? null : readMetalinkRecord(record);
  }

  #saving(job: Job): WriteOp[] {
    return [...this.#keeping(job), ...this.#tracing(job)];
  }

  #tracing(job: Job): WriteOp[] {
    return job.trace === null ? [] : [this.#traces.putting(job.id, job.trace.entries())];
  }

  // A job that ended meanwhile lies with the others that did, and must not come back.
  #keeping(job: Job): WriteOp[] {
    return isFinal(job.state) ? [] : [this.#jobs.putting(job.id, job.record)];
  }

  /** Moves a job that ended to the others that did, in one step; nobody needs the documents of its files any more. */
  async end(job: Job): Promise<void> {
    const moving = [this.#jobs.deleting(job.id), this.#ended.putting(job.id, job.record)];
    const forgetting = job.record.files.flatMap(({ metalink }, index) =>
      metalink === null || metalink.url !== null ? [] : [this.#metalinks.deleting(metalinkKey(job.id, index))],
    );
    await this.#database.write([...moving, ...forgetting, ...this.#tracing(job)]);
  }

  /** Every decision that is kept of a job, oldest first. */
  async trace(id: JobId): Promise<TraceEntry[]> {
    return (await this.#traces.get(id)) ?? [];
  }

  /** Forgets a job that ended. */
  async forget(id: JobId): Promise<void> {
    await this.#database.write([this.#ended.deleting(id), this.#traces.deleting(id)]);
  }
}

function metalinkKey(id: JobId, index: number): string {
  return `${id}/${index}`;
}
