import type { MiddlewareHandler } from 'hono';
import { NearbitsError } from '../core/errors.ts';
import { problemResponse } from './problem.ts';

const JSON_TYPE = /^application\/json *(;|$)/i;

/**
 * Refuses bodies that are not announced as JSON (415): read as nothing, they would mean something else than their sender
 * thinks. It is also what no form of a web page can send.
 */
export function requireJson(): MiddlewareHandler {
  return async ({ req }, next) => {
    const type = req.header('content-type') ?? '';
    if (!hasBody(req.raw.headers) || JSON_TYPE.test(type)) return await next();
    const told = type === '' ? 'the request does not say so' : `the request says "${type.slice(0, 80)}"`;
    const error = new NearbitsError('E_INVALID_ARGUMENT', `a body has to be JSON, but ${told}`, {
      hint: 'Send "Content-Type: application/json".',
    });
    return problemResponse(error, { status: 415, headers: { connection: 'close' } });
  };
}

/** RFC 9112 section 6.3: a request has a body when one of these two says so. */
function hasBody(headers: Headers): boolean {
  return headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
}
