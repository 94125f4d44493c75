import { isIP } from 'node:net';
import { NearbitsError } from '../core/errors.ts';
import type { Admit } from './admit.ts';
import { problemResponse } from './problem.ts';

/**
 * Keeps web pages away from the API on TCP, whatever token they have: a browser sends their requests to any port of the
 * machine. The Unix socket does not need it, because no browser can open one.
 */
export function guardTcp(admit: Admit): Admit {
  return async (request) => {
    const host = request.headers.get('host') ?? '';
    if (!isPlainHost(host)) return refuse('the Host header is not an IP address or localhost');
    const origin = request.headers.get('origin');
    if (origin !== null && origin !== `http://${host}`) return refuse('other origins may not use this API');
    return await admit(request);
  };
}

/** A page that made its name resolve to this machine (DNS rebinding) comes with that name; addresses and localhost cannot be faked so. */
function isPlainHost(host: string): boolean {
  const name = /^(\[[^\]]+\]|[^:]+)(:\d{1,5})?$/.exec(host)?.[1] ?? '';
  return name.toLowerCase() === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function refuse(detail: string): Response {
  return problemResponse(new NearbitsError('E_FORBIDDEN', detail), { headers: { connection: 'close' } });
}
