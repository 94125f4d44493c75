import type { DescribedContent } from '../content/given-metalink.ts';
import type { Caller } from '../core/caller.ts';
import { type ErrorCode, NearbitsError } from '../core/errors.ts';
import { newJobId } from '../core/ids.ts';
import { checkDestination } from '../fetch/destination.ts';
import { checkFolder, checkLocalName, checkRanges, checkRemoteName } from './check/file.ts';
import { checkMetalink } from './check/metalink.ts';
import type { JobContext } from './context.ts';
import type { JobTable } from './job-table.ts';
import type { JobProperties } from './model/properties.ts';
import type { JobFileRequest } from './model/view.ts';
import { splitSecrets } from './set-properties.ts';
import { type FileRecord, type JobRecord, newFile } from './store/job-record.ts';
import { sealSecrets } from './store/secrets.ts';

/** A download job that was just made: SUSPENDED, as in BITS. */
export function newRecord(
  caller: Caller,
  properties: JobProperties,
  files: FileRecord[],
  context: JobContext,
): JobRecord {
  const { shown, secrets } = splitSecrets(properties);
  const id = newJobId();
  const now = context.clock.wallMs();
  return {
    format: 1,
    id,
    type: 'DOWNLOAD',
    state: 'SUSPENDED',
    owner: caller.name,
    folders: caller.folders === null ? null : [...caller.folders],
    properties: shown,
    secrets: sealSecrets(context.vault, id, secrets),
    resumed: false,
    idle: false,
    createdMs: now,
    modifiedMs: now,
    startedMs: null,
    transferredMs: null,
    endedMs: null,
    activeAge: context.age.now(),
    noProgressAge: null,
    downloadMs: 0,
    errorCount: 0,
    error: null,
    retryAtMs: null,
    files,
  };
}

/** Refuses one job too many; administrators are exempt. @throws NearbitsError BG_E_TOO_MANY_JOBS_PER_USER, _PER_MACHINE */
export function checkJobCount(caller: Caller, jobs: JobTable, context: JobContext): void {
  if (caller.administrator) return;
  const { maxPerMachine, maxPerUser } = context.policy();
  if (jobs.countOf(caller.name) >= maxPerUser) {
    throw tooMany('BG_E_TOO_MANY_JOBS_PER_USER', 'jobs of one user', maxPerUser);
  }
  if (jobs.open.size >= maxPerMachine) {
    throw tooMany('BG_E_TOO_MANY_JOBS_PER_MACHINE', 'jobs on this machine', maxPerMachine);
  }
}

/** A file that may be added. */
export interface NewFile {
  readonly record: FileRecord;
  /** What the Metalink document says whose text was given, or null; it is stored apart. */
  readonly described: DescribedContent | null;
}

/**
 * Checks files that shall be added to a job that has `there` of them; all are good or none is added.
 * @throws NearbitsError with the codes of AddFile, AddFileSet and AddFileWithRanges; E_DESTINATION when another job writes a file of that name;
 * what {@link checkMetalink} throws.
 */
export async function checkNewFiles(
  caller: Caller,
  files: readonly JobFileRequest[],
  there: number,
  jobs: JobTable,
  context: JobContext,
): Promise<NewFile[]> {
  const { maxFilesPerJob, maxRangesPerFile } = context.policy();
  if (!caller.administrator && there + files.length > maxFilesPerJob) {
    throw tooMany('BG_E_TOO_MANY_FILES_IN_JOB', 'files in a job', maxFilesPerJob);
  }
  const most = caller.administrator ? Number.POSITIVE_INFINITY : maxRangesPerFile;
  const checked: NewFile[] = [];
  const names = new Set<string>();
  for (const request of files) {
    const file = await checkNewFile(caller, request, most);
    const { localName } = file.record;
    if (names.has(localName)) throw taken(localName, 'another file of this job');
    names.add(localName);
    checked.push(file);
  }
  // Looked at after the last wait, so that no other call takes a name meanwhile.
  for (const { record } of checked) {
    const { localName } = record;
    const other = jobs.writing(localName);
    if (other !== null) throw taken(localName, `job ${other.id}`);
  }
  return checked;
}

async function checkNewFile(caller: Caller, request: JobFileRequest, maxRanges: number): Promise<NewFile> {
  const { ranges, sha256, overwrite } = request;
  const remoteUrl = checkRemoteName(request.remoteUrl);
  if (ranges !== undefined) checkRanges(ranges, maxRanges);
  const { shown: metalink, content: described } = checkMetalink(request, remoteUrl);
  const localName = await checkPlace(caller, request);
  const file = { remoteUrl, localName, ranges: ranges ?? null, sha256: sha256 ?? null, metalink, overwrite };
  return { record: newFile(file), described };
}

/** Checks where a file shall go. Users with a fence get the resolved path, so that no link leads out of it later. */
async function checkPlace(caller: Caller, { localName, overwrite }: JobFileRequest): Promise<string> {
  checkLocalName(localName);
  const resolved = await checkFolder(caller, localName);
  const path = caller.folders === null ? localName : resolved;
  await checkDestination(path, overwrite);
  return path;
}

function taken(localName: string, by: string): NearbitsError {
  return new NearbitsError('E_DESTINATION', `${localName} is being written by ${by}`, {
    details: { localName },
    hint: 'Choose another name, or cancel or complete that job first.',
  });
}

function tooMany(code: ErrorCode, what: string, limit: number): NearbitsError {
  return new NearbitsError(code, `too many ${what}: at most ${limit} are allowed`, {
    details: { limit },
    hint: 'Complete or cancel jobs first, or ask the administrator to raise the limit (section jobs of the policy).',
  });
}
