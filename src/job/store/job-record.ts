import { z } from 'zod';
import { JobProperties, Webhook } from '../model/properties.ts';
import { JOB_STATES } from '../model/state.ts';
import { JOB_TYPES, JobErrorView, JobFileView, JobRange } from '../model/view.ts';

/** What is remembered of one file: what callers see, and what is needed to go on, to hand it over and to share it. */
export const FileRecord = JobFileView.omit({ index: true, temporaryName: true }).extend({
  /** Jobs of releases that knew no documents have none. */
  metalink: JobFileView.shape.metalink.default(null),
  /** Set just before the part file is renamed, so that a crash right after the rename is told from one before it. */
  handingOver: z.boolean(),
  /** The URL under which the part file was begun; another remote name goes on with it while size and date are equal. */
  partUrl: z.string().nullable(),
  /** A neighbour gave wrong content, so that only the origin counts from now on. */
  originOnly: z.boolean(),
  /** Whether the whole content may be shared, as the origin said; null before it said anything. */
  share: z
    .union([z.object({ allowed: z.literal(true) }), z.object({ allowed: z.literal(false), reason: z.string() })])
    .nullable(),
  /** Date of the origin, for handing over. */
  lastModifiedMs: z.number().nullable(),
  /** Digest that was computed, in hex. */
  digest: z.string().nullable(),
  /** Ranges that were asked for in on-demand mode. */
  demand: z.array(JobRange),
  /** Where a reader reads on. */
  position: z.int().min(0),
});
export type FileRecord = z.output<typeof FileRecord>;

/** A job as it lies in the store; `format` grows when the shape changes. Ages are those of plan/age-clock.ts. */
export const JobRecord = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  type: z.enum(JOB_TYPES),
  state: z.enum(JOB_STATES),
  owner: z.string(),
  /** Folders below which the owner's files may lie; null: anywhere. */
  folders: z.array(z.string()).nullable(),
  /** Without what is secret. */
  properties: JobProperties.extend({ webhook: Webhook.omit({ secret: true }).nullable() }),
  /** JobSecrets, sealed; null when there are none. */
  secrets: z.string().nullable(),
  /** Whether it was ever resumed; some properties are fixed from then on. */
  resumed: z.boolean(),
  /** SUSPENDED by the service because everything that was asked for in on-demand mode is there. */
  idle: z.boolean(),
  createdMs: z.number(),
  modifiedMs: z.number(),
  /** When its first run began. */
  startedMs: z.number().nullable(),
  transferredMs: z.number().nullable(),
  endedMs: z.number().nullable(),
  /** Age at which something last happened to the job. */
  activeAge: z.number(),
  /** Age since which there is no progress; null while there is. */
  noProgressAge: z.number().nullable(),
  /** Time spent in CONNECTING and TRANSFERRING since the last resume. */
  downloadMs: z.number(),
  errorCount: z.int().min(0),
  error: JobErrorView.nullable(),
  retryAtMs: z.number().nullable(),
  files: z.array(FileRecord),
});
export type JobRecord = z.output<typeof JobRecord>;

/** Jobs that ended beyond this many are forgotten, oldest first. */
export const MAX_ENDED_JOBS = 1000;

/** A file that was just added. */
export function newFile(
  file: Pick<FileRecord, 'remoteUrl' | 'localName' | 'ranges' | 'sha256' | 'metalink' | 'overwrite'>,
): FileRecord {
  return {
    ...file,
    bytesTotal: null,
    bytesTransferred: 0,
    bytesFromPeers: 0,
    bytesFromOrigin: 0,
    bytesFromCache: 0,
    transferred: false,
    completed: false,
    validation: 'unknown',
    version: null,
    responseHeaders: null,
    sharing: 'pending',
    sharingReason: null,
    handingOver: false,
    partUrl: null,
    originOnly: false,
    share: null,
    lastModifiedMs: null,
    digest: null,
    demand: [],
    position: 0,
  };
}

/** Sets a file back to where nothing of it was fetched. */
export function startOver(file: FileRecord): void {
  const { remoteUrl, localName, ranges, sha256, metalink, overwrite, originOnly, demand, position } = file;
  const anew = newFile({ remoteUrl, localName, ranges, sha256, metalink, overwrite });
  Object.assign(file, anew, { originOnly, demand, position });
}
