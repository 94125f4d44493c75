import { JOB_CALLS, JOB_STATES, type JobCall, type JobState } from '../../../src/job/model/state.ts';
import { changed, elsewhere, type Row, section, upload, windows } from './row.ts';

const CONTAINERS = 'needs a network that goes away: test/integration/job-spans.test.ts';

/** The state machine: the moves that are nobody's call, and what is special about the calls. */
const moves: Row[] = section('E.2', {
  'move/create': 'a new job is SUSPENDED',
  'move/resume': 'Resume puts a suspended job with files into the queue',
  'move/resume-empty': 'Resume of a job without files is BG_E_EMPTY and leaves it SUSPENDED',
  'move/schedule': 'a queued job connects, then transfers',
  'move/connect-failure': 'a failure to connect makes a transient error',
  'move/slice-over': 'a transferring job whose slice is over goes back to the queue',
  'move/last-file': 'the job is TRANSFERRED once its last file is there',
  'move/fatal': 'a fatal error on the way ends in ERROR',
  'move/transient': 'a transient error while transferring ends in TRANSIENT_ERROR',
  'move/retry': 'a transient error goes back to the queue after the retry delay',
  'move/no-progress': 'a transient error without progress for longer than the timeout becomes ERROR',
  'move/add-to-transferred': 'a transferred job takes another file and, resumed, fetches it',
  'move/log-off': windows('the jobs of an owner who logs off wait in the queue', 'log-on sessions'),
  'move/network-lost': elsewhere('without network, jobs on their way are in BG_E_NETWORK_DISCONNECTED', CONTAINERS),
  'move/network-back': elsewhere('with the network back, all transient errors are queued again', CONTAINERS),
  'final/not-listed': 'jobs that are acknowledged or cancelled are not listed',
  'addFiles/upload': upload('an upload takes one file only: BG_E_TOO_MANY_FILES'),
  'resume/at-once': 'Resume of a job in transient error tries again at once',
  'resume/resets-clock': 'Resume starts the maximum download time anew',
  'complete/upload': upload('an upload is completed only when it is transferred'),
  'complete/whole': 'Complete gives every file its own name',
  'complete/partial': 'Complete hands over what is finished and deletes the rest: BG_S_PARTIAL_COMPLETE',
  'complete/left-over': 'temporary files that stay behind are told as BG_S_UNABLE_TO_DELETE_FILES',
  'complete/rename-fails': 'a failed rename is returned, the job stays TRANSFERRED and Complete can be called again',
  'complete/per-file': 'each file knows whether it was completed',
  'cancel/deletes': 'Cancel deletes the temporary files',
  'cancel/left-over': 'what Cancel cannot delete is told as BG_S_UNABLE_TO_DELETE_FILES',
  'cancel/upload': upload('Cancel of an upload tells the server, for up to 24 hours'),
  'takeOwnership/user': 'only administrators take ownership: E_ACCESSDENIED',
  'inactivity/cancels': elsewhere(
    'a job that nobody touched for 90 days is cancelled',
    'takes 90 days: test/integration/job-spans.test.ts',
  ),
  'inactivity/reset': elsewhere(
    'progress and changes of properties restart the 90 days',
    'takes 90 days: test/integration/job-spans.test.ts',
  ),
  'restart/persists': 'jobs survive restarts until they are completed or cancelled',
  'restart/unreadable': changed(
    'a list of jobs that cannot be read is replaced by an empty one; temporary files stay',
    'it is set aside and an event says so, instead of being deleted',
  ),
});

/** What a call does in a state, as a sentence. */
function sentence(call: JobCall, state: JobState): string {
  return `${call} of a job in state ${state} is allowed or refused as the table says`;
}

/** Every call in every state. */
const table: Row[] = JOB_CALLS.flatMap((call) =>
  JOB_STATES.map((state) => ({ id: `E.2/${call}/${state}`, text: sentence(call, state) })),
);

export const E2: readonly Row[] = [...moves, ...table];
