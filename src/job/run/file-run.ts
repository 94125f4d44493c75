import type { Timer } from '../../core/clock.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { FileVersion } from '../../core/file-version.ts';
import { RangeSet } from '../../core/range-set.ts';
import { parseOriginUrl } from '../../core/url.ts';
import type { FileRequest, FileTask, Steering } from '../../fetch/file-task.ts';
import type { GivenMetalink } from '../../fetch/given-claim.ts';
import type { OriginFile } from '../../origin/origin-file.ts';
import type { Note } from '../../transfer/trace.ts';
import type { ReceivedBytes } from '../../transfer/transfer.ts';
import type { JobContext } from '../context.ts';
import type { Job } from '../job.ts';
import { PEER_CACHING, SECURITY } from '../model/properties.ts';
import { filledRanges, requestedRange } from '../model/ranges.ts';
import type { FileRecord } from '../store/job-record.ts';
import type { TraceLog } from '../store/trace-log.ts';

/** Progress is told at most this often. */
const PROGRESS_INTERVAL_MS = 100;

/** The file that is to be fetched. */
export interface FileToRun {
  readonly job: Job;
  readonly index: number;
  /** The Metalink document that was given for it, or null. */
  readonly metalink: GivenMetalink | null;
}

/** One file of a job while it is fetched: keeps the record up to date with what happens. */
export class FileRun implements FileTask {
  readonly request: FileRequest;
  readonly note: Note;
  readonly #job: Job;
  readonly #index: number;
  readonly #file: FileRecord;
  readonly #context: JobContext;
  readonly #fail: (error: NearbitsError) => void;
  /** Bytes by source that earlier runs of this file brought, and earlier attempts of this one. */
  #earlier: ReceivedBytes;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #telling: Timer | null = null;
  #demandMet = false;

  /** `fail` ends the run with an error from outside of the fetching. */
  constructor(
    { job, index, metalink }: FileToRun,
    context: JobContext,
    trace: TraceLog,
    fail: (error: NearbitsError) => void,
  ) {
    const file = job.record.files[index] as FileRecord;
    this.#job = job;
    this.#index = index;
    this.#file = file;
    this.#context = context;
    this.#fail = fail;
    this.#earlier = receivedOf(file);
    this.note = (code, text, data = {}) =>
      trace.note(code, text, job.record.files.length > 1 ? { file: index, ...data } : data);
    file.partUrl ??= parseOriginUrl(file.remoteUrl);
    this.request = { ...requestFor(job, file, file.partUrl), metalink };
  }

  originKnown(origin: OriginFile): void {
    const { record } = this.#job;
    this.#file.responseHeaders = { ...origin.responseHeaders };
    this.#file.share = origin.share;
    const reports = (record.properties.securityFlags & SECURITY.redirectMask) === SECURITY.redirectReport;
    if (reports && origin.finalUrl !== parseOriginUrl(this.#file.remoteUrl)) this.#file.remoteUrl = origin.finalUrl;
    this.#connected();
  }

  versionKnown(version: FileVersion | null, bytesTotal: number | null): void {
    this.#file.version = version;
    this.#file.bytesTotal = bytesTotal;
    this.#earlier = receivedOf(this.#file);
    this.#checkSize();
  }

  progress(received: ReceivedBytes, bytesDone: number): void {
    const file = this.#file;
    this.#connected();
    file.bytesTransferred = bytesDone;
    file.bytesFromPeers = this.#earlier.peer + received.peer;
    file.bytesFromOrigin = this.#earlier.origin + received.origin;
    file.bytesFromCache = this.#earlier.cache + received.cache;
    this.#tellSoon();
  }

  proven(ranges: RangeSet): void {
    const { record, filled } = this.#job;
    const all = (filled.get(this.#index) ?? RangeSet.empty).union(ranges);
    filled.set(this.#index, all);
    this.#file.bytesTransferred = all.size;
    this.#tellSoon();
    record.noProgressAge = null;
    record.activeAge = this.#context.age.now();
    if (record.properties.onDemandMode) this.#tellDemand();
  }

  steer(steering: Steering): () => void {
    const mine = { index: this.#index, steer: steering };
    this.#job.steering = mine;
    steering.focus(this.#job.focusOf(this.#file));
    return () => {
      if (this.#job.steering === mine) this.#job.steering = null;
    };
  }

  /** Nothing more is told by itself: the run is over. */
  end(): void {
    this.#telling?.cancel();
    this.#telling = null;
  }

  /** Tells observers, and the owner where that is wanted, how far the file is. */
  tellProgress(): void {
    const { record, id } = this.#job;
    record.modifiedMs = this.#context.clock.wallMs();
    const { bytesTransferred, bytesTotal, bytesFromPeers, bytesFromOrigin, bytesFromCache } = this.#file;
    const bytes = { bytesDone: bytesTransferred, bytesTotal, bytesFromPeers, bytesFromOrigin, bytesFromCache };
    this.#context.emit({ type: 'transfer.progress', transferId: id, file: this.#index, ...bytes });
    this.#context.notify(this.#job, 'modification').catch((error) => this.#fail(error as NearbitsError));
  }

  #connected(): void {
    if (this.#job.state === 'CONNECTING') this.#context.move(this.#job, 'TRANSFERRING');
  }

  // What comes within the interval is told together at its end, so that the last word is always the newest.
  #tellSoon(): void {
    if (this.#telling !== null) return;
    const { clock } = this.#context;
    const waitMs = Math.max(0, this.#toldAtMs + PROGRESS_INTERVAL_MS - clock.monotonicMs());
    const tell = (): void => {
      this.#telling = null;
      this.#toldAtMs = clock.monotonicMs();
      this.tellProgress();
      if (this.#file.bytesTotal === null) this.#checkSize();
    };
    if (waitMs === 0) tell();
    else this.#telling = clock.after(waitMs, tell);
  }

  // Told once for each demand, when the last byte of it is there.
  #tellDemand(): void {
    const { only } = this.#job.focusOf(this.#file);
    const have = this.#job.filled.get(this.#index) ?? RangeSet.empty;
    const met = only !== null && have.coversAll(only);
    if (met && !this.#demandMet) {
      const what = { file: this.#index, ranges: filledRanges(only) };
      this.#context
        .notify(this.#job, 'file-ranges-transferred', what)
        .catch((error) => this.#fail(error as NearbitsError));
    }
    this.#demandMet = met;
  }

  // BITS: MAX_DOWNLOAD_SIZE counts all files of the job; what is of unknown size counts as it comes.
  #checkSize(): void {
    const limit = this.#job.record.properties.maxDownloadSize;
    if (limit === null) return;
    const bytes = this.#job.record.files.reduce((sum, file) => sum + (file.bytesTotal ?? file.bytesTransferred), 0);
    if (bytes <= limit) return;
    this.#fail(
      new NearbitsError('BG_E_MAX_DOWNLOAD_SIZE_LIMIT_REACHED', `the job comes to more than ${limit} bytes`, {
        details: { limit, bytes },
        hint: 'Make a new job with a larger maxDownloadSize.',
      }),
    );
  }
}

function receivedOf({ bytesFromPeers, bytesFromOrigin, bytesFromCache }: FileRecord): ReceivedBytes {
  return { peer: bytesFromPeers, origin: bytesFromOrigin, cache: bytesFromCache };
}

function requestFor({ record }: Job, file: FileRecord, partUrl: string): Omit<FileRequest, 'metalink'> {
  const { properties } = record;
  return {
    url: file.remoteUrl,
    partUrl,
    destination: file.localName,
    ranges: file.ranges?.map(requestedRange) ?? null,
    sha256: file.sha256,
    overwrite: file.overwrite,
    usePeers: (properties.peerCachingFlags & PEER_CACHING.client) !== 0,
    mayShare: (properties.peerCachingFlags & PEER_CACHING.server) !== 0,
    completesItself: properties.autoComplete && record.files.every((it) => it === file || it.transferred),
    originOnly: file.originOnly,
    priority: properties.priority === 'FOREGROUND' ? 'foreground' : 'background',
    manner: properties.dynamicContent || properties.httpMethod !== 'GET' ? 'one-go' : 'ranges',
    direct: properties.highPerformance,
    onDemand: properties.onDemandMode,
  };
}
