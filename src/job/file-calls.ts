import { NearbitsError } from '../core/errors.ts';
import { RangeSet } from '../core/range-set.ts';
import { PartFile } from '../transfer/part-file.ts';
import type { JobContext } from './context.ts';
import { prepareSharing, share } from './end/hand-over.ts';
import { demanded, type Job, wantedRanges } from './job.ts';
import { filledRanges, requestedRange } from './model/ranges.ts';
import type { FilledRange, JobRange } from './model/view.ts';
import type { Engine } from './run/engine.ts';
import { toJobError } from './run/job-error.ts';
import { type FileRecord, startOver } from './store/job-record.ts';

/** What the calls about one file work with. */
export interface FileCallDeps {
  readonly context: JobContext;
  readonly engine: Engine;
}

/** The file with this index. @throws NearbitsError E_INVALIDARG */
export function fileOf(job: Job, index: number): FileRecord {
  const file = job.record.files[index];
  if (file !== undefined) return file;
  const most = job.record.files.length - 1;
  throw new NearbitsError('E_INVALIDARG', `the job has no file ${index}; files count from 0 to ${most}`, {
    details: { file: index },
  });
}

/**
 * The application says whether a file is right (BITS: SetValidationState). Right: neighbours can have it at once.
 * Wrong: it is fetched again from the origin alone when neighbours gave any of it, else the job is in ERROR.
 * @throws NearbitsError E_PENDING before the file is transferred
 */
export async function setValidation(job: Job, index: number, valid: boolean, deps: FileCallDeps): Promise<void> {
  const file = fileOf(job, index);
  if (!file.transferred) {
    throw new NearbitsError('E_PENDING', `file ${index} is not transferred yet`, {
      hint: 'Validate it when it is transferred: the notification file-transferred tells.',
    });
  }
  if (valid) return accept(job, index, file, deps);
  await reject(job, index, file, deps);
}

async function accept(job: Job, index: number, file: FileRecord, { context }: FileCallDeps): Promise<void> {
  file.validation = 'valid';
  if (file.sharing === 'pending' && !file.completed) {
    const shareable = await prepareSharing(job, index, context);
    if (shareable !== null) await share(job, index, shareable, context);
  }
  await context.store.save(job);
  context.changed(job);
}

async function reject(job: Job, index: number, file: FileRecord, { context, engine }: FileCallDeps): Promise<void> {
  const fromNeighbours = file.bytesFromPeers + file.bytesFromCache > 0;
  await engine.halt(job);
  context.fetch.exchange.withdraw(file.localName);
  await PartFile.remove(file.localName, { direct: job.record.properties.highPerformance });
  await forgetRecord(file, context);
  startOver(file);
  file.validation = 'invalid';
  if (fromNeighbours) {
    file.originOnly = true;
    file.validation = 'unknown';
    job.record.transferredMs = null;
    const otherError = job.state === 'ERROR' && job.record.error?.file !== index;
    if (job.state !== 'SUSPENDED' && !otherError) await engine.enqueue(job);
    await context.store.save(job);
    return;
  }
  const error = new NearbitsError('BG_E_VALIDATION_FAILED', `the application says that file ${index} is wrong`, {
    hint: 'Resume the job to fetch the file again, or cancel it.',
  });
  job.record.error = toJobError(error, { file: index, url: file.remoteUrl }, context.clock.wallMs());
  engine.move(job, 'ERROR');
  await context.recordAndNotify(job, 'error', { file: index });
}

// What the cache holds of it is as wrong as the file.
async function forgetRecord(file: FileRecord, context: JobContext): Promise<void> {
  if (file.version === null || file.sharing !== 'shared') return;
  for (const record of context.fetch.cache.find({ url: file.remoteUrl, version: file.version, sha256: null })) {
    await context.fetch.cache.remove(record.id).catch((error) => {
      context.log.warn({ err: error, record: record.id }, 'a record of a file that is invalid could not be removed');
    });
  }
}

/**
 * Asks for ranges of a file (BITS: RequestFileRanges): in on-demand mode nothing else is fetched, otherwise they come first.
 * @throws NearbitsError BG_E_INVALID_RANGE, BG_E_RANDOM_ACCESS_NOT_SUPPORTED
 */
export async function requestRanges(
  job: Job,
  index: number,
  ranges: readonly JobRange[],
  { context, engine }: FileCallDeps,
): Promise<void> {
  const file = fileOf(job, index);
  checkRandomAccess(job, file);
  checkRanges(ranges, file);
  file.position = ranges[0]?.offset ?? file.position;
  if (job.record.properties.onDemandMode) file.demand = mergeDemand(file, ranges);
  refocus(job, index);
  const waits = job.record.idle && job.state === 'SUSPENDED';
  job.record.idle = false;
  if (waits && !job.allTransferred) await engine.enqueue(job);
  await context.store.save(job);
}

/** The bytes of the remote file that are there and proven. */
export async function filled(job: Job, index: number): Promise<FilledRange[]> {
  const file = fileOf(job, index);
  if (file.version === null) return [];
  const ranges = wantedRanges(file, file.version.size);
  if (file.transferred) return filledRanges(RangeSet.of(...ranges));
  const known = job.filled.get(index);
  if (known !== undefined) return filledRanges(known);
  const url = file.partUrl ?? file.remoteUrl;
  return filledRanges(await PartFile.journaled({ destination: file.localName, url, version: file.version, ranges }));
}

/** Moves the read head: what lies behind it is fetched first (BITS: UpdateDownloadPosition). @throws NearbitsError BG_E_INVALID_RANGE */
export function updatePosition(job: Job, index: number, offset: number): void {
  const file = fileOf(job, index);
  checkRandomAccess(job, file);
  if (file.version !== null && offset > file.version.size) throw outside(offset, file.version.size);
  file.position = offset;
  refocus(job, index);
}

function refocus(job: Job, index: number): void {
  const file = fileOf(job, index);
  if (job.steering?.index === index) job.steering.steer.focus(job.focusOf(file));
}

function checkRandomAccess(job: Job, file: FileRecord): void {
  const { dynamicContent, httpMethod, highPerformance } = job.record.properties;
  if (!dynamicContent && httpMethod === 'GET' && !highPerformance && file.ranges === null) return;
  throw new NearbitsError('BG_E_RANDOM_ACCESS_NOT_SUPPORTED', 'this file is fetched in its own order only', {
    hint: 'Ranges can be asked for in whole files of jobs with GET, without dynamicContent and highPerformance.',
  });
}

function checkRanges(ranges: readonly JobRange[], file: FileRecord): void {
  if (ranges.length === 0) throw new NearbitsError('E_INVALIDARG', 'no range is given');
  const size = file.version?.size;
  for (const range of ranges) {
    const { start, end } = requestedRange(range);
    if (!Number.isSafeInteger(end ?? start)) throw outside(start, size ?? Number.MAX_SAFE_INTEGER);
    if (size !== undefined && (start >= size || (end !== null && end > size))) throw outside(start, size);
  }
}

function outside(offset: number, size: number): NearbitsError {
  return new NearbitsError('BG_E_INVALID_RANGE', `the range at ${offset} lies outside of the file (${size} bytes)`, {
    details: { offset, size },
  });
}

// Kept merged where the size is known, so that a reader that asks again and again does not fill the memory.
function mergeDemand(file: FileRecord, ranges: readonly JobRange[]): JobRange[] {
  const all = [...file.demand, ...ranges];
  const merged = demanded({ ...file, demand: all });
  if (merged !== null) return filledRanges(merged);
  if (all.length <= 1000) return all;
  throw new NearbitsError('BG_E_TOO_MANY_RANGES_IN_FILE', 'too many ranges before the size of the file is known');
}
