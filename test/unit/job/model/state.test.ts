import { describe, expect, it } from 'vitest';
import {
  afterCall,
  isAction,
  isFinal,
  isRunning,
  JOB_CALLS,
  JOB_STATES,
  type JobCall,
  type JobState,
} from '../../../../src/job/model/state.ts';
import { codeOf, errorOf } from '../../../support/error-code.ts';

const NON_FINAL: readonly JobState[] = [
  'QUEUED',
  'CONNECTING',
  'TRANSFERRING',
  'SUSPENDED',
  'ERROR',
  'TRANSIENT_ERROR',
  'TRANSFERRED',
];

/** The state machine of BITS, written out once more: what each call leads to in each non-final state. */
const RESUME: Readonly<Record<string, JobState>> = {
  SUSPENDED: 'QUEUED',
  QUEUED: 'QUEUED',
  CONNECTING: 'CONNECTING',
  TRANSFERRING: 'TRANSFERRING',
  TRANSIENT_ERROR: 'QUEUED',
  ERROR: 'QUEUED',
  TRANSFERRED: 'QUEUED',
};
const STAYS: readonly JobCall[] = [
  'addFiles',
  'takeOwnership',
  'set',
  'setRemoteName',
  'setValidationState',
  'requestRanges',
];

describe('the states', () => {
  it('have the names and the order of BITS', () => {
    expect(JOB_STATES.map((state, number) => `${number} ${state}`)).toEqual([
      '0 QUEUED',
      '1 CONNECTING',
      '2 TRANSFERRING',
      '3 SUSPENDED',
      '4 ERROR',
      '5 TRANSIENT_ERROR',
      '6 TRANSFERRED',
      '7 ACKNOWLEDGED',
      '8 CANCELLED',
    ]);
  });

  it('fall into the classes of BITS', () => {
    expect(JOB_STATES.filter(isFinal)).toEqual(['ACKNOWLEDGED', 'CANCELLED']);
    expect(JOB_STATES.filter(isAction)).toEqual(['QUEUED', 'CONNECTING', 'TRANSFERRING', 'TRANSIENT_ERROR']);
    expect(JOB_STATES.filter(isRunning)).toEqual(['CONNECTING', 'TRANSFERRING']);
  });
});

describe.each(NON_FINAL)('a job in %s', (state) => {
  it('can be resumed, suspended, completed and cancelled', () => {
    expect(afterCall(state, 'resume')).toBe(RESUME[state]);
    expect(afterCall(state, 'suspend')).toBe('SUSPENDED');
    expect(afterCall(state, 'complete')).toBe('ACKNOWLEDGED');
    expect(afterCall(state, 'cancel')).toBe('CANCELLED');
  });

  it.each(STAYS)('takes %s and stays', (call) => {
    expect(afterCall(state, call)).toBe(state);
  });

  it('tells an error only when there is one', () => {
    if (state === 'ERROR' || state === 'TRANSIENT_ERROR') expect(afterCall(state, 'getError')).toBe(state);
    else expect(codeOf(() => afterCall(state, 'getError'))).toBe('BG_E_ERROR_INFORMATION_UNAVAILABLE');
  });
});

describe.each(JOB_STATES.filter(isFinal))('a job in %s', (state) => {
  it.each(JOB_CALLS.filter((call) => call !== 'getError'))('refuses %s, naming call and state', (call) => {
    const error = errorOf(() => afterCall(state, call));
    expect(error).toMatchObject({ code: 'BG_E_INVALID_STATE', details: { state, call } });
    expect(error?.message).toContain(state);
    expect(error?.message).toContain(call);
  });

  it('has no error to tell', () => {
    expect(codeOf(() => afterCall(state, 'getError'))).toBe('BG_E_ERROR_INFORMATION_UNAVAILABLE');
  });
});
