import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OriginServerOptions } from '../../support/origin-server.ts';

/** How an origin wants its clients to log in. */
export type Guard = 'BASIC' | 'DIGEST' | 'BEARER';

/** The login that opens guarded origins. */
export const LOGIN = { user: 'jane', password: 'open sesame', token: 'abc.def-123' } as const;

const NONCE = 'once-upon-a-time';
const CHALLENGE: Readonly<Record<Guard, string>> = {
  BASIC: 'Basic realm="files"',
  DIGEST: `Digest realm="files", nonce="${NONCE}", qop="auth", algorithm=SHA-256`,
  BEARER: 'Bearer realm="files"',
};

/** Options of an origin that answers 401 to everybody who has not logged in (RFC 7617, 7616, 6750). */
export function guarded(guard: Guard): OriginServerOptions {
  return {
    intercept(request: IncomingMessage, response: ServerResponse): boolean {
      if (opens(guard, request)) return false;
      response.writeHead(401, { 'www-authenticate': CHALLENGE[guard], 'content-length': 0 }).end();
      return true;
    },
  };
}

function opens(guard: Guard, { method, headers, url }: IncomingMessage): boolean {
  const given = headers.authorization ?? '';
  if (guard === 'BEARER') return given === `Bearer ${LOGIN.token}`;
  if (guard === 'BASIC') return given === basic();
  return digestHolds(given, `${method}:${url}`);
}

/** The value of a header that logs in with BASIC. */
export function basic(): string {
  return `Basic ${Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')}`;
}

function digestHolds(given: string, request: string): boolean {
  const field = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(given)?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const secret = hash(`${LOGIN.user}:files:${LOGIN.password}`);
  const expected = hash([secret, NONCE, field('nc'), field('cnonce'), field('qop'), hash(request)].join(':'));
  return given.startsWith('Digest ') && field('username') === LOGIN.user && field('response') === expected;
}
