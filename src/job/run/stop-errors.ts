import { NearbitsError } from '../../core/errors.ts';

/** Why the engine itself stops a job or keeps it from running. */

/** The job spent more time in CONNECTING and TRANSFERRING than it may. */
export function timeIsOver(limitMs: number): NearbitsError {
  return new NearbitsError(
    'BG_E_MAXDOWNLOAD_TIMEOUT',
    `the job took longer than ${Math.round(limitMs / 1000)} seconds`,
    {
      hint: 'Raise maximumDownloadTimeSeconds, or resume the job to start its time anew.',
    },
  );
}

/** Errors followed each other without progress for too long; `last` is the newest of them. */
export function noProgress(last: NearbitsError): NearbitsError {
  return new NearbitsError('BG_E_NO_PROGRESS', `no progress within the no-progress timeout; last: ${last.message}`, {
    cause: last,
    details: { last: last.code },
    hint: 'See that the origin can be reached, then resume the job; what was fetched is kept.',
  });
}

/** This machine has no network. */
export function disconnected(): NearbitsError {
  return new NearbitsError('BG_E_NETWORK_DISCONNECTED', 'this machine has no network', {
    hint: 'The job goes on by itself when the network is back.',
  });
}

/** The network costs more than the cost flags of the job allow. */
export function tooCostly(): NearbitsError {
  return new NearbitsError('BG_E_BLOCKED_BY_COST_TRANSFER_POLICY', 'the job may not use a network of this cost', {
    hint: 'It goes on by itself when jobs.networkCost changes, or change its costFlags.',
  });
}
