import type { Context } from 'hono';
import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Admit } from './admit.ts';

/** What the layers before the routes know and find out about a request. */
export interface ApiEnv {
  Bindings: {
    /** Says who asks; each listener has a way of its own. */
    admit: Admit;
  };
  Variables: {
    /** Who asks; put there once `admit` proved it. */
    caller: Caller;
  };
}

/** Who asks. @throws NearbitsError E_INTERNAL when nobody proved it: a route without that check must not work at all. */
export function callerOf(context: Context<ApiEnv>): Caller {
  const caller: Caller | undefined = context.get('caller');
  if (caller === undefined)
    throw new NearbitsError('E_INTERNAL', 'a request came to a route before it was known whose');
  return caller;
}
