import type { BitsCode } from '../../core/bits-codes.ts';
import { NearbitsError } from '../../core/errors.ts';
import { JobProperties, type JobPropertiesChange, type JobPropertyName } from '../model/properties.ts';
import type { JobType } from '../model/view.ts';

/** The properties whose change depends on how far the job is, and on each other. */
type Timed = Required<
  Pick<
    JobPropertiesChange,
    | 'priority'
    | 'httpMethod'
    | 'dynamicContent'
    | 'highPerformance'
    | 'maxDownloadSize'
    | 'onDemandMode'
    | 'customHeadersWriteOnly'
  >
>;

/** How far a job is. */
export interface JobStage {
  readonly type: JobType;
  /** Number of its files. */
  readonly files: number;
  readonly everResumed: boolean;
  /** Its properties before the change; the defaults for a job that is being made. */
  readonly current?: Timed;
}

const DEFAULTS: Timed = JobProperties.parse({ displayName: '' });
const DOWNLOAD_ONLY = ['dynamicContent', 'highPerformance', 'maxDownloadSize', 'onDemandMode'] as const;
const BEFORE_RESUME = ['dynamicContent', 'maxDownloadSize', 'httpMethod'] as const;

/**
 * Whether a job may change these properties now (BITS: SetProperty, SetHttpMethod). A value that is set already is no
 * change and always allowed. Call {@link settle} on the outcome.
 * @throws NearbitsError BG_E_PROPERTY_SUPPORTED_FOR_DOWNLOAD_JOBS_ONLY, BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE,
 * BG_E_READ_ONLY_PROPERTY_AFTER_RESUME, BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD for another priority than
 * FOREGROUND, BG_E_READ_ONLY_PROPERTY for headers that shall be shown again.
 */
export function checkTiming(change: JobPropertiesChange, { current = DEFAULTS, ...job }: JobStage): void {
  const changes = (name: keyof Timed) => change[name] !== undefined && change[name] !== current[name];
  checkType(job.type, DOWNLOAD_ONLY.find(changes));
  if (job.files > 0 && changes('highPerformance')) {
    throw refuse('highPerformance', 'BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE', 'the job has files already');
  }
  const late = BEFORE_RESUME.find(changes);
  if (job.everResumed && late !== undefined) {
    throw refuse(late, 'BG_E_READ_ONLY_PROPERTY_AFTER_RESUME', 'the job was resumed already');
  }
  if (current.customHeadersWriteOnly && changes('customHeadersWriteOnly')) {
    throw refuse('customHeadersWriteOnly', 'BG_E_READ_ONLY_PROPERTY', 'headers that were hidden stay hidden');
  }
  if (current.httpMethod !== 'GET' && changes('priority')) throw withMethod('priority');
}

function checkType(type: JobType, downloadOnly: JobPropertyName | undefined): void {
  if (type === 'DOWNLOAD' || downloadOnly === undefined) return;
  const why = `a job of type ${type} does not have it`;
  throw refuse(downloadOnly, 'BG_E_PROPERTY_SUPPORTED_FOR_DOWNLOAD_JOBS_ONLY', why);
}

/**
 * Makes properties consistent and checks that they go together: another method than GET makes the job a foreground job
 * (BITS: SetHttpMethod). For new jobs, for the outcome of each change, and before files with ranges are added.
 * @param ranged whether a file of the job has ranges.
 * @returns the properties, with the priority that follows from the others.
 * @throws NearbitsError BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD, BG_E_RANDOM_ACCESS_NOT_SUPPORTED for the on-demand
 * mode, BG_E_UNSUPPORTED_JOB_CONFIGURATION for dynamic content.
 */
export function settle<T extends Timed>(properties: T, { ranged }: { readonly ranged: boolean }): T {
  const { httpMethod, dynamicContent, onDemandMode } = properties;
  if (httpMethod !== 'GET' && dynamicContent) throw withMethod('dynamicContent');
  if (httpMethod !== 'GET' && onDemandMode) throw withMethod('onDemandMode');
  if (onDemandMode && (dynamicContent || ranged)) {
    const why = dynamicContent ? 'dynamicContent' : 'files with ranges';
    throw refuse('onDemandMode', 'BG_E_RANDOM_ACCESS_NOT_SUPPORTED', `it is not possible with ${why}`);
  }
  const settled = httpMethod === 'GET' ? properties : { ...properties, priority: 'FOREGROUND' as const };
  if (dynamicContent) checkDynamic(settled, ranged);
  return settled;
}

function checkDynamic({ priority }: Timed, ranged: boolean): void {
  const code = 'BG_E_UNSUPPORTED_JOB_CONFIGURATION';
  if (priority !== 'FOREGROUND') throw refuse('dynamicContent', code, 'it needs the priority FOREGROUND');
  if (ranged) throw refuse('dynamicContent', code, 'it is not possible with files with ranges');
}

function withMethod(property: JobPropertyName): NearbitsError {
  const why = 'it is fixed while httpMethod is not GET';
  return refuse(property, 'BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD', why);
}

function refuse(property: JobPropertyName, code: BitsCode, why: string): NearbitsError {
  return new NearbitsError(code, `${property}: ${why}`, { details: { property } });
}
