import { type ByteRange, resolveRanges } from '../core/byte-range.ts';
import type { JobId } from '../core/ids.ts';
import { RangeSet } from '../core/range-set.ts';
import type { Steering } from '../fetch/file-task.ts';
import { PART_SUFFIX } from '../transfer/part-paths.ts';
import type { Focus } from '../transfer/transfer.ts';
import { requestedRange } from './model/ranges.ts';
import { isFinal, type JobState } from './model/state.ts';
import type { JobFileView, JobView } from './model/view.ts';
import type { FileRecord, JobRecord } from './store/job-record.ts';
import type { JobSecrets } from './store/secrets.ts';
import type { TraceLog } from './store/trace-log.ts';

/** A run of a job: stop it, and wait until its files are at rest. */
export interface Run {
  readonly stop: AbortController;
  readonly settled: Promise<void>;
}

/** One job while it lives in memory: its record, the run it is in, and what is only known while it runs. */
export class Job {
  readonly record: JobRecord;
  /** Null until somebody needs it: traces are stored apart. */
  trace: TraceLog | null = null;
  run: Run | null = null;
  /** The file that is being fetched, and how to steer it. */
  steering: { readonly index: number; readonly steer: Steering } | null = null;
  /** Proven bytes of unfinished files, by index, as far as this process knows them. */
  readonly filled = new Map<number, RangeSet>();
  /** Resolves when the last run that was stopped is at rest. */
  resting: Promise<void> = Promise.resolve();
  /** Monotonic time of the last notification of a modification. */
  modificationToldMs = Number.NEGATIVE_INFINITY;
  #last: Promise<unknown> = Promise.resolve();

  constructor(record: JobRecord) {
    this.record = record;
  }

  get id(): JobId {
    return this.record.id as JobId;
  }

  get state(): JobState {
    return this.record.state;
  }

  /** Does one thing after the other, so that two callers cannot both complete the job. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** The file to fetch next, or null: files are fetched one after another, in their order. */
  nextFile(): number | null {
    const index = this.record.files.findIndex((file) => !file.transferred && this.#isWanted(file));
    return index === -1 ? null : index;
  }

  get allTransferred(): boolean {
    return this.record.files.every((file) => file.transferred);
  }

  /** What the running transfer of a file shall fetch, and in which order. */
  focusOf(file: FileRecord): Focus {
    const only = this.record.properties.onDemandMode ? demanded(file) : null;
    return { only, position: file.position };
  }

  // In on-demand mode a file is wanted while something of it was asked for and is not there.
  #isWanted(file: FileRecord): boolean {
    if (!this.record.properties.onDemandMode) return true;
    if (file.demand.length === 0) return false;
    const want = demanded(file);
    const have = this.filled.get(this.record.files.indexOf(file)) ?? RangeSet.empty;
    return file.version === null || want === null || !have.coversAll(want);
  }
}

/** The bytes of a file that were asked for; null while its size is not known. */
export function demanded(file: FileRecord): RangeSet | null {
  const { version } = file;
  if (version === null) return null;
  const resolved = file.demand.flatMap((range) => resolveRanges([requestedRange(range)], version.size));
  return RangeSet.of(...resolved);
}

/** The ranges of the remote file that are wanted, in the order of writing, once its size is known. */
export function wantedRanges({ ranges }: FileRecord, size: number): ByteRange[] {
  return ranges === null ? [{ start: 0, end: size }] : resolveRanges(ranges.map(requestedRange), size);
}

/** The file as callers see it. */
export function fileView(job: Job, index: number): JobFileView {
  const file = job.record.files[index] as FileRecord;
  const { handingOver: _h, partUrl: _u, originOnly: _o, share: _s, lastModifiedMs: _l, ...rest } = file;
  const { digest: _d, demand: _e, position: _p, ...shown } = rest;
  const begun = file.bytesTransferred > 0 || file.transferred || job.steering?.index === index;
  const temporary = begun && !file.completed && !isFinal(job.state);
  const direct = job.record.properties.highPerformance;
  const name = direct ? file.localName : file.localName + PART_SUFFIX;
  return { ...shown, index, temporaryName: temporary ? name : null };
}

/** The job as callers see it; `secrets` only as far as the caller may know them. */
export function jobView(
  job: Job,
  secrets: JobSecrets,
  certificate: JobView['clientCertificate'],
  owns: boolean,
): JobView {
  const { record } = job;
  const { files, properties } = record;
  const hidden = properties.customHeadersWriteOnly || !owns;
  return {
    id: record.id,
    type: record.type,
    state: record.state,
    owner: record.owner,
    createdMs: record.createdMs,
    modifiedMs: record.modifiedMs,
    transferredMs: record.transferredMs,
    endedMs: record.endedMs,
    files: { total: files.length, transferred: files.filter((file) => file.transferred).length },
    bytes: totals(files),
    errorCount: record.errorCount,
    error: record.error,
    retryAtMs: record.retryAtMs,
    properties: { ...properties, customHeaders: hidden ? null : secrets.customHeaders },
    credentials: secrets.credentials.map(({ target, scheme, user }) => ({ target, scheme, user })),
    clientCertificate: certificate,
  };
}

function totals(files: readonly FileRecord[]): JobView['bytes'] {
  const sum = (of: (file: FileRecord) => number) => files.reduce((total, file) => total + of(file), 0);
  const known = files.every((file) => file.bytesTotal !== null);
  return {
    total: known ? sum((file) => file.bytesTotal ?? 0) : null,
    transferred: sum((file) => file.bytesTransferred),
    fromPeers: sum((file) => file.bytesFromPeers),
    fromOrigin: sum((file) => file.bytesFromOrigin),
    fromCache: sum((file) => file.bytesFromCache),
  };
}
