import type { BitsCode } from '../../core/bits-codes.ts';
import { NearbitsError } from '../../core/errors.ts';
import { AUTH_SCHEMES, type AuthScheme, type JobCredentials } from '../model/view.ts';

/** Most characters of a user name (BITS: SetCredentials). */
export const MAX_USER_CHARACTERS = 300;
/** Most characters of a password or token; BITS had 300 first and takes 65,535 now. */
export const MAX_PASSWORD_CHARACTERS = 65_535;

/** For whom credentials are (BITS: BG_AUTH_TARGET). */
export const AUTH_TARGETS = ['SERVER', 'PROXY'] as const;
export type AuthTarget = (typeof AUTH_TARGETS)[number];

const CONTROLS = /\p{Cc}/u;
/** Tokens as they stand in a header (RFC 6750 section 2.1). */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Credentials whose target and scheme are known ones. */
export interface CheckedCredentials extends JobCredentials {
  readonly target: AuthTarget;
  readonly scheme: AuthScheme;
}

/**
 * Checks target and scheme, as they also stand in a call that removes credentials.
 * @throws NearbitsError BG_E_INVALID_AUTH_TARGET, or BG_E_INVALID_AUTH_SCHEME, also for the schemes that only Windows has.
 */
export function checkAuth(
  target: string,
  scheme: string,
): { readonly target: AuthTarget; readonly scheme: AuthScheme } {
  const knownTarget = AUTH_TARGETS.find((one) => one === target);
  if (knownTarget === undefined) {
    throw refuse('BG_E_INVALID_AUTH_TARGET', `"${target}" is no target`, 'Credentials are for SERVER or PROXY.');
  }
  const knownScheme = AUTH_SCHEMES.find((one) => one === scheme);
  if (knownScheme === undefined) {
    throw refuse('BG_E_INVALID_AUTH_SCHEME', `"${scheme}" is not supported`, `Use ${AUTH_SCHEMES.join(', ')}.`);
  }
  return { target: knownTarget, scheme: knownScheme };
}

/**
 * Checks credentials of a job. No message holds a user name, a password or a token.
 * @throws NearbitsError the codes of {@link checkAuth}, BG_E_USERNAME_TOO_LARGE, BG_E_PASSWORD_TOO_LARGE, E_INVALIDARG for a user
 * that is missing or not wanted, BG_E_INVALID_CREDENTIALS for characters that the scheme cannot carry.
 */
export function checkCredentials(credentials: JobCredentials): CheckedCredentials {
  const known = checkAuth(credentials.target, credentials.scheme);
  const { user, password } = credentials;
  if (user !== null && user.length > MAX_USER_CHARACTERS)
    throw tooLong('BG_E_USERNAME_TOO_LARGE', 'user name', MAX_USER_CHARACTERS);
  if (password.length > MAX_PASSWORD_CHARACTERS)
    throw tooLong('BG_E_PASSWORD_TOO_LARGE', 'password', MAX_PASSWORD_CHARACTERS);
  if (known.scheme === 'BEARER') checkToken(user, password);
  else checkLogin(known.scheme, user, password);
  return { ...credentials, ...known };
}

function checkToken(user: string | null, token: string): void {
  if (user !== null) throw refuse('E_INVALIDARG', 'BEARER has a token and no user name');
  if (!TOKEN68.test(token)) throw refuse('BG_E_INVALID_CREDENTIALS', 'the token has characters that no token can have');
}

function checkLogin(scheme: AuthScheme, user: string | null, password: string): void {
  if (user === null) throw refuse('E_INVALIDARG', `${scheme} needs a user name`);
  if (CONTROLS.test(user) || CONTROLS.test(password)) {
    throw refuse('BG_E_INVALID_CREDENTIALS', 'the user name or the password holds control characters');
  }
  // The first colon ends the user name (RFC 7617 section 2).
  if (scheme === 'BASIC' && user.includes(':')) {
    throw refuse('BG_E_INVALID_CREDENTIALS', 'the user name of BASIC holds a colon');
  }
}

function tooLong(code: BitsCode, what: string, most: number): NearbitsError {
  return refuse(code, `the ${what} has more than ${most} characters`);
}

function refuse(code: BitsCode, message: string, hint?: string): NearbitsError {
  return new NearbitsError(code, `credentials: ${message}`, hint === undefined ? {} : { hint });
}
