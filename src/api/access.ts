import type { MiddlewareHandler } from 'hono';
import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { NodeBackend } from './backend.ts';
import type { ApiEnv } from './caller.ts';

/**
 * What every user may ask for: the status, what the API looks like, and jobs and their events, of which the routes show
 * each user the own ones. All else, also what a later release adds, is for administrators.
 */
const FOR_EVERYBODY = /^(\/openapi\.json|\/v1\/(status|events|(transfers|jobs|notifications)(\/.*)?))$/;

/** Finds out who asks before anything else of a request is looked at, and refuses what that user may not ask for. */
export function identify(): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const caller = await context.env.admit(context.req.raw);
    if (caller instanceof Response) return caller;
    if (!mayAskFor(caller, context.req.path)) throw denied(caller);
    context.set('caller', caller);
    return await next();
  };
}

/** Whether a user may ask for a path at all. */
export function mayAskFor(caller: Caller, path: string): boolean {
  return caller.administrator || FOR_EVERYBODY.test(path);
}

/** Whether a user hears of an event: administrators of all, others of what happens to their own jobs. */
export function mayHear(backend: Pick<NodeBackend, 'ownerOf'>, caller: Caller, event: NodeEvent): boolean {
  if (caller.administrator) return true;
  const id = jobOf(event);
  return id !== null && backend.ownerOf(id) === caller.name;
}

/** The job that an event tells about, or null; a transfer is a job. */
export function jobOf(event: NodeEvent): string | null {
  if ('jobId' in event) return event.jobId;
  return 'transferId' in event ? event.transferId : null;
}

function denied({ name }: Caller): NearbitsError {
  return new NearbitsError('E_ACCESSDENIED', `${name} is no administrator of this node`, {
    hint: 'Ask its owner, or use the token of an administrator.',
  });
}
