import { printBytes, printDuration } from '../../core/units.ts';
import type { TraceEntry } from '../../job/model/transfer-view.ts';
import type { JobErrorView, JobFileView, JobView } from '../../job/model/view.ts';
import { filesTable } from './job-files.ts';
import { propertyRows } from './job-properties.ts';
import type { Progress } from './progress.ts';
import { plain, type Row, table } from './table.ts';
import { traceTable } from './transfer.ts';

/** Jobs in a table; with their owners when they belong to different users. */
export function jobTable(jobs: readonly JobView[], showOwner: boolean): string {
  const rows = jobs.map((job) => [
    job.id,
    plain(job.properties.displayName, 40),
    ...(showOwner ? [plain(job.owner, 40)] : []),
    job.state,
    job.properties.priority,
    `${job.files.transferred}/${job.files.total} files`,
    bytesText(job),
  ]);
  return table(rows);
}

/** How many jobs there are, as a sentence. */
export function countText(jobs: readonly JobView[]): string {
  return jobs.length === 1 ? '1 job' : `${jobs.length} jobs`;
}

/** `1.5 MiB of 3 MiB` */
function bytesText({ bytes: { transferred, total } }: JobView): string {
  return `${printBytes(transferred)} of ${total === null ? 'unknown size' : printBytes(total)}`;
}

/** All of a job but its files; with `verbose` also the properties that few jobs set. */
export function jobText(job: JobView, nowMs: number, verbose = false): string {
  return table([...jobRows(job, nowMs), ...(verbose ? propertyRows(job) : [])]);
}

function jobRows(job: JobView, nowMs: number): Row[] {
  const { properties } = job;
  return [
    ['id', job.id],
    ['name', plain(properties.displayName, 256)],
    ...optional('description', properties.description),
    ['type', job.type],
    ['state', job.state],
    ['owner', plain(job.owner)],
    ['priority', properties.priority],
    ['files', `${job.files.transferred} of ${job.files.total} transferred`],
    ['bytes', `${bytesText(job)}, ${sourcesOf(job)}`],
    ['created', timeText(job.createdMs)],
    ['modified', timeText(job.modifiedMs)],
    ...(job.transferredMs === null ? [] : [['transferred', timeText(job.transferredMs)] as Row]),
    ...(job.endedMs === null ? [] : [['ended', timeText(job.endedMs)] as Row]),
    ['errors', String(job.errorCount)],
    ...errorRows(job, nowMs),
  ];
}

/** An error of a job: what happened, where, and the next step. */
export function errorText(error: JobErrorView, nowMs: number, retryAtMs: number | null): string {
  const rows: Row[] = [
    ['error', `${plain(error.message, 1000)}`],
    ['code', `${error.code} (${error.hresult}), ${error.kind}, from ${error.cause}`],
    ['context', error.protocol === null ? error.context : `${error.context}, ${error.protocol}`],
    ...(error.file === null ? [] : [['file', String(error.file)] as Row]),
    ['at', timeText(error.atMs)],
    ...(retryAtMs === null ? [] : [['tried again', `in ${printDuration(Math.max(0, retryAtMs - nowMs))}`] as Row]),
    ...(error.hint === null ? [] : [['next', error.hint] as Row]),
  ];
  return table(rows);
}

/** What happened to a job and why: itself, its files, and one line for each decision. */
export function explainJobText(
  job: JobView,
  files: readonly JobFileView[],
  trace: readonly TraceEntry[],
  nowMs: number,
): string {
  const parts = [jobText(job, nowMs), filesTable(files), traceTable(trace, job.createdMs)];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** What a progress line shows of a job. */
export function progressOf({ state, bytes }: JobView): Progress {
  const waits = state === 'QUEUED' || state === 'SUSPENDED' || state === 'TRANSIENT_ERROR';
  return {
    state: waits && bytes.transferred === 0 ? 'queued' : 'running',
    bytesDone: bytes.transferred,
    bytesTotal: bytes.total,
    bytesFromPeers: bytes.fromPeers,
  };
}

/** What a person does next with a job, or null when it has ended. */
export function nextStep({ id, state, files }: JobView): string | null {
  switch (state) {
    case 'SUSPENDED':
      return files.total === 0 ? `Add files: nearbits job add ${id} URL PATH` : `Start it: nearbits job resume ${id}`;
    case 'QUEUED':
    case 'CONNECTING':
    case 'TRANSFERRING':
      return `Follow it: nearbits job monitor ${id}`;
    case 'TRANSIENT_ERROR':
    case 'ERROR':
      return `See why: nearbits job errors ${id}`;
    case 'TRANSFERRED':
      return `Give the files their names: nearbits job complete ${id}`;
    case 'ACKNOWLEDGED':
    case 'CANCELLED':
      return null;
  }
}

/** A time as all commands print it. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function sourcesOf({ bytes }: JobView): string {
  const sources = [
    `${printBytes(bytes.fromPeers)} from neighbours`,
    `${printBytes(bytes.fromOrigin)} from origins`,
    `${printBytes(bytes.fromCache)} from the cache`,
  ];
  return sources.join(', ');
}

function errorRows({ error, retryAtMs }: JobView, nowMs: number): Row[] {
  if (error === null) return [];
  const retry = retryAtMs === null ? '' : `; tried again in ${printDuration(Math.max(0, retryAtMs - nowMs))}`;
  return [['last error', `${plain(error.message, 500)} (${error.code})${retry}`]];
}

function optional(name: string, value: string): Row[] {
  return value === '' ? [] : [[name, plain(value, 1024)]];
}
