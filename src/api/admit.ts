import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import { problemResponse } from './problem.ts';
import { isToken } from './token.ts';

/** Says who sent a request, or answers it. */
export type Admit = (request: Request) => Promise<Caller | Response>;

/** Knows the users of the node by their tokens; security/users.ts does. */
export interface TokenUsers {
  /** Whose token it is, or null. */
  find(token: string): Promise<Caller | null>;
}

/**
 * Who asks over the socket (or pipe): only the owner of the node may open it, so a request without a token is the owner's.
 * One with a token is that user's, so that the owner can act as somebody else; a wrong one is refused.
 */
export function admitOnSocket(owner: Caller, users: TokenUsers): Admit {
  return async ({ headers }) => {
    if (!headers.has('authorization')) return owner;
    const token = bearerToken(headers);
    return (token === null ? null : await users.find(token)) ?? unknownCaller('no user has this token');
  };
}

/** Who asks over TCP, where any program can connect: the owner with the token of api.tcp.tokenFile, users with their own, nobody else. */
export function admitOnTcp(owner: Caller, ownerToken: string, users: TokenUsers): Admit {
  return async ({ headers }) => {
    const token = bearerToken(headers);
    if (token === null) return unknownCaller('a bearer token is needed');
    if (isToken(token, ownerToken)) return owner;
    return (await users.find(token)) ?? unknownCaller('no user has this token');
  };
}

/** RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1). */
function bearerToken(headers: Headers): string | null {
  return /^bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ?? null;
}

function unknownCaller(detail: string): Response {
  const error = new NearbitsError('E_FORBIDDEN', detail, {
    hint: 'Send "Authorization: Bearer TOKEN" with a token of "nearbits user add", or over TCP that of api.tcp.tokenFile.',
  });
  // RFC 6750 section 3. The body of the request stays unread, so the connection cannot carry another one.
  const headers = { 'www-authenticate': 'Bearer realm="nearbits"', connection: 'close' };
  return problemResponse(error, { status: 401, headers });
}
