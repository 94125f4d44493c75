import { NearbitsError } from '../../core/errors.ts';

/** States of a job, with the names and numbers of BITS (BG_JOB_STATE). */
export const JOB_STATES = [
  'QUEUED',
  'CONNECTING',
  'TRANSFERRING',
  'SUSPENDED',
  'ERROR',
  'TRANSIENT_ERROR',
  'TRANSFERRED',
  'ACKNOWLEDGED',
  'CANCELLED',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Everything a program can ask of a job. */
export const JOB_CALLS = [
  'addFiles',
  'resume',
  'suspend',
  'complete',
  'cancel',
  'takeOwnership',
  'set',
  'setRemoteName',
  'setValidationState',
  'requestRanges',
  'getError',
] as const;
export type JobCall = (typeof JOB_CALLS)[number];

const FINAL: ReadonlySet<JobState> = new Set(['ACKNOWLEDGED', 'CANCELLED']);
const ACTION: ReadonlySet<JobState> = new Set(['QUEUED', 'CONNECTING', 'TRANSFERRING', 'TRANSIENT_ERROR']);
const RUNNING: ReadonlySet<JobState> = new Set(['CONNECTING', 'TRANSFERRING']);

/** Whether nothing happens to the job any more; final jobs are not listed. */
export function isFinal(state: JobState): boolean {
  return FINAL.has(state);
}

/** Whether the job is on its way: waiting, running, or waiting to be tried again. */
export function isAction(state: JobState): boolean {
  return ACTION.has(state);
}

/** Whether a file of the job is being fetched now. */
export function isRunning(state: JobState): boolean {
  return RUNNING.has(state);
}

/**
 * The one table of the state machine: which call is allowed in which state, and the state it leads to; `same` changes
 * nothing. A call that is not in the row of a state is refused. Resume without files and Complete with files that could
 * not be moved are judged by their callers; the moves that are nobody's call are made by the engine (engine.ts).
 */
const NON_FINAL = {
  addFiles: 'same',
  suspend: 'SUSPENDED',
  complete: 'ACKNOWLEDGED',
  cancel: 'CANCELLED',
  takeOwnership: 'same',
  set: 'same',
  setRemoteName: 'same',
  setValidationState: 'same',
  requestRanges: 'same',
} as const;

type Row = Partial<Record<JobCall, JobState | 'same'>>;

/** See {@link NON_FINAL}. */
export const TRANSITIONS: Readonly<Record<JobState, Row>> = {
  SUSPENDED: { ...NON_FINAL, resume: 'QUEUED' },
  QUEUED: { ...NON_FINAL, resume: 'same' },
  CONNECTING: { ...NON_FINAL, resume: 'same' },
  TRANSFERRING: { ...NON_FINAL, resume: 'same' },
  TRANSIENT_ERROR: { ...NON_FINAL, resume: 'QUEUED', getError: 'same' },
  ERROR: { ...NON_FINAL, resume: 'QUEUED', getError: 'same' },
  TRANSFERRED: { ...NON_FINAL, resume: 'QUEUED' },
  ACKNOWLEDGED: {},
  CANCELLED: {},
};

/**
 * The state that a call leads to.
 * @throws NearbitsError BG_E_INVALID_STATE, naming call and state; BG_E_ERROR_INFORMATION_UNAVAILABLE for getError.
 */
export function afterCall(state: JobState, call: JobCall): JobState {
  const next = TRANSITIONS[state][call];
  if (next !== undefined) return next === 'same' ? state : next;
  if (call === 'getError') {
    throw new NearbitsError('BG_E_ERROR_INFORMATION_UNAVAILABLE', `a job in state ${state} has no error`, {
      details: { state, call },
    });
  }
  throw new NearbitsError('BG_E_INVALID_STATE', `${call} is not allowed in state ${state}`, {
    details: { state, call },
    hint: isFinal(state) ? 'The job has ended; create a new one.' : 'Look at the state of the job first.',
  });
}
