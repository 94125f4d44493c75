import { isDeepStrictEqual } from 'node:util';
import { NearbitsError } from '../core/errors.ts';
import { isFinal } from '../job/model/state.ts';
import type { JobView } from '../job/model/view.ts';
import type { JobCalls } from './job-calls.ts';
import { JobChanges } from './job-changes.ts';

/**
 * Yields a job as it stands now and after each change that a look shows, at last in TRANSFERRED, ERROR or as it ended. A
 * suspended job is watched on.
 * @throws NearbitsError BG_E_NOT_FOUND, E_CANCELLED, E_NOT_RUNNING when the node goes away meanwhile.
 */
export async function* watchJob(
  calls: JobCalls,
  id: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobView, void, undefined> {
  const changes = await JobChanges.open(calls, id, signal);
  try {
    for (let last: JobView | null = null; ; await changes.next()) {
      const view = await calls.get(id, signal);
      if (!isDeepStrictEqual(view, last)) yield view;
      if (isOver(view)) return;
      last = view;
    }
  } finally {
    changes.close();
  }
}

function isOver({ state }: JobView): boolean {
  return state === 'TRANSFERRED' || state === 'ERROR' || isFinal(state);
}

/** The job once all its files are there. @throws what {@link whyNotTransferred} says when they will not be. */
export async function untilTransferred(calls: JobCalls, id: string, signal: AbortSignal | undefined): Promise<JobView> {
  const view = await calls.settled(id, signal);
  if (view.state === 'TRANSFERRED' || view.state === 'ACKNOWLEDGED') return view;
  throw whyNotTransferred(view);
}

/** Why the files of a settled job do not come: its own error, E_CANCELLED, or BG_E_INVALID_STATE when it is suspended. */
export function whyNotTransferred({ id, state, error }: JobView): NearbitsError {
  if (state === 'SUSPENDED') {
    return new NearbitsError('BG_E_INVALID_STATE', `the job ${id} is suspended, so nothing is fetched`, {
      hint: 'Resume the job first.',
      details: { job: id, state },
    });
  }
  if (error === null)
    return new NearbitsError('E_CANCELLED', `the job ${id} has ended`, { details: { job: id, state } });
  const { code, message, hint, details, context, file, hresult } = error;
  return new NearbitsError(code, message, {
    ...(hint === null ? {} : { hint }),
    details: { ...details, job: id, context, file, hresult },
  });
}
