import { z } from 'zod';
import { MAX_URL_LENGTH } from '../core/url.ts';
import { CallResult, FilledRange, JobFileRequest, JobFileView, JobRange, JobView } from '../job/model/view.ts';

/** The envelopes of requests and answers about jobs; what lies in them is defined in job/view.ts. */

const BYTES = z.int().min(0);
/** As many files as an administrator may give a job at once, and ranges a file; users are stopped earlier by the job service. */
const MAX_MANY = 100_000;

/** One page of jobs, in the order of their ids. */
export const JobPage = z
  .object({
    jobs: z.array(JobView),
    next: z.string().nullable().describe('give it as `after` to read on; null at the end'),
  })
  .meta({ id: 'JobPage' });
export type JobPage = z.infer<typeof JobPage>;

/** One page of the files of a job, in their order. */
export const JobFilePage = z
  .object({
    files: z.array(JobFileView),
    next: z.int().nullable().describe('give it as `from` to read on; null at the end'),
  })
  .meta({ id: 'JobFilePage' });

/** Files to add. */
export const JobFilesRequest = z
  .strictObject({ files: z.array(JobFileRequest).min(1).max(MAX_MANY) })
  .meta({ id: 'JobFilesRequest' });

/** The new URL of a file. */
export const RemoteNameRequest = z
  .strictObject({ url: z.string().min(1).max(16_384).describe(`at most ${MAX_URL_LENGTH} characters`) })
  .meta({ id: 'RemoteNameRequest' });

/** The beginning of URLs, and what comes instead of it. */
export const RemotePrefixRequest = z
  .strictObject({ from: z.string().min(1).max(16_384).describe('case-sensitive'), to: z.string().max(16_384) })
  .meta({ id: 'RemotePrefixRequest' });

/** What the application says of a file. */
export const ValidationRequest = z.strictObject({ valid: z.boolean() }).meta({ id: 'ValidationRequest' });

/** Ranges to fetch on demand. */
export const RangesRequest = z
  .strictObject({ ranges: z.array(JobRange).min(1).max(MAX_MANY) })
  .meta({ id: 'RangesRequest' });

/** Where a reader goes on reading. */
export const PositionRequest = z
  .strictObject({ offset: BYTES.describe('offset in the remote file') })
  .meta({ id: 'PositionRequest' });

/** What of a remote file is there: merged and in order. */
export const FilledRanges = z.object({ ranges: z.array(FilledRange) }).meta({ id: 'FilledRanges' });

/** Whose jobs are cancelled. */
export const ResetRequest = z
  .strictObject({ allUsers: z.boolean().default(false).describe('needs an administrator') })
  .meta({ id: 'ResetRequest' });

/** The results of cancelling many jobs, in no special order. */
export const ResetResult = z.object({ results: z.array(CallResult) }).meta({ id: 'ResetResult' });
