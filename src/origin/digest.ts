import { createHash } from 'node:crypto';
import type { Challenge } from './challenge.ts';
import { listMembers } from './headers.ts';

/** What a Digest challenge asks for (RFC 7616 section 3.3), as far as this client can answer it. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  /** As it was named, to be sent back; null when the challenge named none, which means MD5. */
  readonly algorithm: string | null;
  readonly hash: 'md5' | 'sha256';
  /** Whether the algorithm is one of the `-sess` family. */
  readonly perSession: boolean;
  /** Whether qop=auth was offered; without it the older form of RFC 2069 is used. */
  readonly qop: boolean;
  readonly userhash: boolean;
  /** The nonce was too old; user and password may be right. */
  readonly stale: boolean;
}

/** What one answer to a challenge is made of beside the challenge. */
export interface DigestInput {
  readonly user: string;
  readonly password: string;
  readonly method: string;
  /** The request target exactly as it is sent. */
  readonly uri: string;
  /** How often the nonce was used, this time included; 1 to 2^32 - 1. */
  readonly count: number;
  readonly cnonce: string;
}

const ALGORITHM = /^(MD5|SHA-256)(-sess)?$/i;
// What may stand in a header that we send.
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Reads a Digest challenge; null when it lacks something or wants an algorithm or protection that is not supported. */
export function readDigest({ params }: Challenge): DigestChallenge | null {
  const [realm, nonce, opaque] = [params.get('realm'), params.get('nonce'), params.get('opaque') ?? null];
  const named = params.get('algorithm') ?? null;
  const algorithm = ALGORITHM.exec(named ?? 'MD5');
  const offered = params.get('qop');
  const qop = listMembers(offered ?? '').includes('auth');
  if (realm === undefined || nonce === undefined || algorithm === null || (offered !== undefined && !qop)) return null;
  if (![realm, nonce, opaque ?? ''].every((text) => SENDABLE.test(text))) return null;
  return {
    realm,
    nonce,
    opaque,
    algorithm: named,
    hash: algorithm[1]?.toUpperCase() === 'MD5' ? 'md5' : 'sha256',
    perSession: algorithm[2] !== undefined,
    qop,
    userhash: params.get('userhash')?.toLowerCase() === 'true',
    stale: params.get('stale')?.toLowerCase() === 'true',
  };
}

/** The value of Authorization or Proxy-Authorization that answers a Digest challenge (RFC 7616 section 3.4). */
export function digestAuthorization(challenge: DigestChallenge, input: DigestInput): string {
  const { realm, nonce, opaque, algorithm, qop } = challenge;
  const count = input.count.toString(16).padStart(8, '0');
  const fields = [
    ...userFields(challenge, input.user),
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(input.uri)}`,
    ...(algorithm === null ? [] : [`algorithm=${algorithm}`]),
    `response="${responseTo(challenge, input, count)}"`,
    ...(opaque === null ? [] : [`opaque=${quote(opaque)}`]),
    ...(qop ? ['qop=auth', `nc=${count}`] : []),
    // A -sess algorithm needs it without qop as well.
    ...(qop || challenge.perSession ? [`cnonce="${input.cnonce}"`] : []),
  ];
  return `Digest ${fields.join(', ')}`;
}

function responseTo(challenge: DigestChallenge, input: DigestInput, count: string): string {
  const hash = (text: string) => digest(challenge, text);
  const { nonce, realm } = challenge;
  const secret = hash(`${input.user}:${realm}:${input.password}`);
  const a1 = challenge.perSession ? hash(`${secret}:${nonce}:${input.cnonce}`) : secret;
  const a2 = hash(`${input.method}:${input.uri}`);
  return hash(challenge.qop ? `${a1}:${nonce}:${count}:${input.cnonce}:auth:${a2}` : `${a1}:${nonce}:${a2}`);
}

// A name outside of ASCII needs the extended notation (RFC 7616 section 3.4.4, RFC 8187).
function userFields(challenge: DigestChallenge, user: string): string[] {
  if (challenge.userhash) return [`username="${digest(challenge, `${user}:${challenge.realm}`)}"`, 'userhash=true'];
  if (/^[\x20-\x7e]*$/.test(user)) return [`username=${quote(user)}`];
  const encoded = encodeURIComponent(user).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [`username*=UTF-8''${encoded}`];
}

function digest(challenge: DigestChallenge, text: string): string {
  return createHash(challenge.hash).update(text).digest('hex');
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
