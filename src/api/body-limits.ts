import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { NearbitsError } from '../core/errors.ts';
import { problemResponse } from './problem.ts';

/** The largest request but for transfers, files and ranges of jobs is the text of a configuration file. */
const MAX_BODY_BYTES = 384 * 1024;
/** A hundred thousand files, as administrators may add them, with names of usual length; or a few large documents. */
const MAX_JOB_BODY_BYTES = 32 * 2 ** 20;
/** Large bodies at the same time; together they bound the memory that requests take. */
const MAX_LARGE_BODIES = 4;

/** Where files, ranges and Metalink documents come in. */
const LARGE_PATHS = /^\/v1\/(transfers|jobs(\/[^/]+\/files(\/[^/]+\/ranges)?)?)$/;

/** Refuses bodies that are too large, from their announced length or while they come in, before they are kept. */
export function limitBodies(): MiddlewareHandler {
  const small = limit(MAX_BODY_BYTES);
  const large = limit(MAX_JOB_BODY_BYTES);
  let now = 0;
  return async (context, next) => {
    if (!mayBeLarge(context) || isSmall(context)) return await small(context, next);
    if (now >= MAX_LARGE_BODIES) {
      throw new NearbitsError('E_BUSY', `${MAX_LARGE_BODIES} large requests are being read already`, {
        hint: 'Try again in a moment, or add the files in smaller groups.',
      });
    }
    now++;
    try {
      return await large(context, next);
    } finally {
      now--;
    }
  };
}

function mayBeLarge({ req }: Context): boolean {
  return req.method === 'POST' && LARGE_PATHS.test(req.path);
}

function isSmall({ req }: Context): boolean {
  const announced = req.header('content-length');
  return (
    announced !== undefined && req.header('transfer-encoding') === undefined && Number(announced) <= MAX_BODY_BYTES
  );
}

function limit(maxSize: number): MiddlewareHandler {
  return bodyLimit({ maxSize, onError: () => tooLarge(maxSize) });
}

function tooLarge(maxSize: number): Response {
  const error = new NearbitsError('E_INVALID_ARGUMENT', `the request is larger than ${maxSize} bytes`);
  return problemResponse(error, { status: 413, headers: { connection: 'close' } });
}
