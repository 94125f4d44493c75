import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOB_STATES, type JobCall, type JobState } from '../../src/job/model/state.ts';
import { covers } from './support/covers.ts';
import { type JobInState, jobIn } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

/** The code a call ends with in a state, and the state it leads to. */
type Outcome = readonly [code: string, state: JobState];
type Outcomes = Readonly<Record<JobState, Outcome>>;

/** Outcomes of a call that leaves every job as it is: the same code in all states that are not final. */
function stays(code: string, others: Partial<Outcomes> = {}): Outcomes {
  const outcomes = JOB_STATES.map((state): [JobState, Outcome] => [state, others[state] ?? [code, state]]);
  return { ...(Object.fromEntries(outcomes) as Outcomes), ...ended('BG_E_INVALID_STATE'), ...others };
}

/** Outcomes of a call that leads from everywhere to one state. */
function leads(to: JobState, code: string, others: Partial<Outcomes> = {}): Outcomes {
  const all = JOB_STATES.map((state): [JobState, Outcome] => [state, [code, to]]);
  return { ...(Object.fromEntries(all) as Outcomes), ...ended('BG_E_INVALID_STATE'), ...others };
}

function ended(code: string): Pick<Outcomes, 'ACKNOWLEDGED' | 'CANCELLED'> {
  return { ACKNOWLEDGED: [code, 'ACKNOWLEDGED'], CANCELLED: [code, 'CANCELLED'] };
}

/** What BITS promises; the origin of jobs in error is mended before each call. */
const EXPECTED: Readonly<Record<JobCall, Outcomes>> = {
  addFiles: stays('S_OK'),
  resume: stays('S_OK', {
    SUSPENDED: ['S_OK', 'TRANSFERRED'],
    ERROR: ['S_OK', 'TRANSFERRED'],
    TRANSIENT_ERROR: ['S_OK', 'TRANSFERRED'],
  }),
  suspend: leads('SUSPENDED', 'S_OK'),
  complete: leads('ACKNOWLEDGED', 'BG_S_PARTIAL_COMPLETE', { TRANSFERRED: ['S_OK', 'ACKNOWLEDGED'] }),
  cancel: leads('CANCELLED', 'S_OK'),
  takeOwnership: stays('S_OK'),
  set: stays('S_OK'),
  setRemoteName: stays('S_OK'),
  setValidationState: stays('E_PENDING', { TRANSFERRED: ['S_OK', 'TRANSFERRED'] }),
  requestRanges: stays('S_OK'),
  getError: stays('BG_E_ERROR_INFORMATION_UNAVAILABLE', {
    ERROR: ['BG_E_HTTP_ERROR_404', 'ERROR'],
    TRANSIENT_ERROR: ['BG_E_HTTP_ERROR_503', 'TRANSIENT_ERROR'],
    ...ended('BG_E_ERROR_INFORMATION_UNAVAILABLE'),
  }),
};

const CALLS: Readonly<Record<JobCall, (bench: JobBench, job: JobInState) => Promise<unknown>>> = {
  addFiles: (bench, { id }) => bench.admin.addFiles(id, bench.file().add),
  resume: ({ admin }, { id }) => admin.call(id, 'resume'),
  suspend: ({ admin }, { id }) => admin.call(id, 'suspend'),
  complete: ({ admin }, { id }) => admin.call(id, 'complete'),
  cancel: ({ admin }, { id }) => admin.call(id, 'cancel'),
  takeOwnership: ({ admin }, { id }) => admin.call(id, 'take-ownership'),
  set: ({ admin }, { id }) => admin.set(id, { description: 'changed' }),
  setRemoteName: ({ admin }, { id, file }) => admin.setRemoteName(id, `${file.url}?other`),
  setValidationState: ({ admin }, { id }) => admin.validate(id, true),
  requestRanges: ({ admin }, { id }) => admin.requestRanges(id, [{ offset: 0, length: 10 }]),
  getError: ({ admin }, { id }) => admin.error(id),
};

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe.each(Object.keys(CALLS) as JobCall[])('%s', (call) => {
  for (const state of JOB_STATES) {
    it(covers(`E.2/${call}/${state}`, `in state ${state}`), () => check(call, state));
  }
});

async function check(call: JobCall, state: JobState): Promise<void> {
  const user = call === 'takeOwnership' ? 'alice' : 'admin';
  const job = await jobIn(state, bench, { user });
  const [code, after] = EXPECTED[call][state];
  if (state === 'ERROR' || state === 'TRANSIENT_ERROR') bench.mend(job.file);
  expect(await codeOf(CALLS[call](bench, job))).toBe(code);
  const { owner } = await bench.admin.reaches(job.id, after);
  if (call === 'takeOwnership' && code === 'S_OK') expect(owner).not.toBe('alice');
}
