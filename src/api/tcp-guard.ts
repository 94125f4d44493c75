import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { NearbitsError } from '../core/errors.ts';
import { PROBLEM_TYPE, toProblem } from './problem.ts';
import { isToken } from './token.ts';

/**
 * Protects the API on TCP, where any program and any web page of the machine can connect. The Unix socket does not
 * need it: the file mode decides there.
 */
export function tcpGuard(token: string): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    if (!isPlainHost(host)) return refuse(403, 'the Host header is not an IP address or localhost');
    const origin = context.req.header('origin');
    if (origin !== undefined && origin !== `http://${host}`) return refuse(403, 'other origins may not use this API');
    const authorization = context.req.header('authorization') ?? '';
    // RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1).
    const given = /^bearer +(\S+)$/i.exec(authorization)?.[1];
    if (given === undefined || !isToken(given, token)) return refuse(401, 'a bearer token is needed');
    return await next();
  };
}

/** A page that made its name resolve to this machine (DNS rebinding) comes with that name; addresses and localhost cannot be faked so. */
function isPlainHost(host: string): boolean {
  const name = /^(\[[^\]]+\]|[^:]+)(:\d{1,5})?$/.exec(host)?.[1] ?? '';
  return name.toLowerCase() === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function refuse(status: 401 | 403, detail: string): Response {
  const hint = 'Send "Authorization: Bearer TOKEN" with the token of api.tcp.tokenFile.';
  const error = new NearbitsError('E_FORBIDDEN', detail, status === 401 ? { hint } : {});
  const headers = new Headers({ 'content-type': PROBLEM_TYPE });
  if (status === 401) headers.set('www-authenticate', 'Bearer realm="nearbits"'); // RFC 6750 section 3
  return new Response(JSON.stringify({ ...toProblem(error), status }), { status, headers });
}
