import type { Context, MiddlewareHandler } from 'hono';
import type { Caller } from '../core/caller.ts';
import { localOwner } from '../platform/local-owner.ts';

/** What the layers before the routes find out about a request. */
export interface ApiEnv {
  Variables: {
    /** Who asks; put there by whatever proved it. */
    caller: Caller;
  };
}

/** Who asks. */
export function callerOf(context: Context<ApiEnv>): Caller {
  return context.get('caller');
}

/** Nobody but the owner of the node may open its socket, so a request that came without another proof is the owner's. */
export function assumeOwner(): MiddlewareHandler<ApiEnv> {
  const owner = localOwner();
  return async (context, next) => {
    if (context.get('caller') === undefined) context.set('caller', owner);
    await next();
  };
}
