import { isFinal } from './state.ts';
import type { JobView } from './view.ts';

/** Whether a job goes no further by itself: it is TRANSFERRED, in ERROR, SUSPENDED, or has ended. */
export function isSettled({ state }: JobView): boolean {
  return isFinal(state) || state === 'TRANSFERRED' || state === 'ERROR' || state === 'SUSPENDED';
}
