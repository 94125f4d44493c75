import { NearbitsError } from '../core/errors.ts';
import type { RequestHeaders } from './headers.ts';
import { checkRequestHeaders } from './request-headers.ts';

/** How a job finds its proxy (BITS: BG_JOB_PROXY_USAGE). */
export type JobProxySettings =
  /** As the node is configured. */
  | { readonly usage: 'PRECONFIG' }
  /** Always directly. */
  | { readonly usage: 'NO_PROXY' }
  /** The first proxy of `list` that takes a connection, but for hosts that `bypass` names: see bypass.ts. */
  | { readonly usage: 'OVERRIDE'; readonly list: readonly string[]; readonly bypass: readonly string[] };

/** Schemes a job can log in with: RFC 7617, RFC 7616 and RFC 6750. */
type LoginScheme = 'BASIC' | 'DIGEST' | 'BEARER';

/** One login of a job; for BEARER the password is the token and the user is null. */
export interface OriginCredential {
  readonly target: 'SERVER' | 'PROXY';
  readonly scheme: LoginScheme;
  readonly user: string | null;
  readonly password: string;
}

/** Which faults of a server's certificate a job overlooks, and whether it asks the list of revoked certificates (BITS: SetSecurityFlags). */
export interface TlsLeniency {
  readonly ignoreWrongName: boolean;
  readonly ignoreWrongDate: boolean;
  readonly ignoreUnknownAuthority: boolean;
  readonly ignoreWrongUsage: boolean;
  readonly checkRevocation: boolean;
}

/** What a job brings along for its own requests. It may hold secrets: never log it, never put it into errors. */
export interface OriginJobSettings {
  /** `GET`, or the method with which each file is fetched whole; upper case letters, not HEAD or CONNECT. */
  readonly method: string;
  /** Sent to the origin that the job names; see request-headers.ts for what is refused. */
  readonly headers: RequestHeaders;
  readonly proxy: JobProxySettings;
  /** At most one for each target and scheme. */
  readonly credentials: readonly OriginCredential[];
  readonly clientCertificate: { readonly certificatePem: string; readonly keyPem: string } | null;
  readonly tls: TlsLeniency;
  /** `silent` and `report` follow redirects, the latter so that the job can show where they led; `disallow` refuses all. */
  readonly redirects: 'silent' | 'report' | 'disallow';
  /** Whether a redirect may lead from https to http. */
  readonly allowHttpsToHttp: boolean;
  /** Larger files are refused, in bytes; null: only the node's own limit. */
  readonly maxFileBytes: number | null;
}

/** The settings of a job that sets nothing. */
export const defaultJobSettings: OriginJobSettings = {
  method: 'GET',
  headers: {},
  proxy: { usage: 'PRECONFIG' },
  credentials: [],
  clientCertificate: null,
  tls: {
    ignoreWrongName: false,
    ignoreWrongDate: false,
    ignoreUnknownAuthority: false,
    ignoreWrongUsage: false,
    checkRevocation: false,
  },
  redirects: 'silent',
  allowHttpsToHttp: false,
  maxFileBytes: null,
};

/** Whether the answers may be made for this job alone, because the job says who it is. */
export function showsIdentity(settings: OriginJobSettings): boolean {
  return settings.clientCertificate !== null || settings.credentials.some(({ target }) => target === 'SERVER');
}

/** Whether the job's connections differ from those of other jobs, so that it cannot share theirs. */
export function needsOwnConnections(settings: OriginJobSettings): boolean {
  return (
    settings.proxy.usage !== 'PRECONFIG' ||
    settings.clientCertificate !== null ||
    settings.credentials.some(({ target }) => target === 'PROXY') ||
    Object.values(settings.tls).includes(true)
  );
}

const METHOD = /^[A-Z]{1,32}$/;
// A CONNECT changes the connection and the answer to HEAD has no body: neither delivers a file.
const NO_FILE: ReadonlySet<string> = new Set(['CONNECT', 'HEAD']);
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;
const CONTROL = /\p{Cc}/u;

/**
 * Checks what can be checked without a connection and returns the settings with header names in lower case.
 * @throws NearbitsError E_INVALIDARG for the method, E_INVALID_ARGUMENT for headers, BG_E_INVALID_CREDENTIALS for
 * credentials that their scheme cannot carry. No message holds a secret.
 */
export function checkJobSettings(settings: OriginJobSettings): OriginJobSettings {
  if (!METHOD.test(settings.method) || NO_FILE.has(settings.method)) {
    throw new NearbitsError('E_INVALIDARG', `no file can be fetched with the method "${settings.method.slice(0, 32)}"`);
  }
  for (const credential of settings.credentials) checkCredential(credential);
  return { ...settings, headers: checkRequestHeaders(settings.headers) };
}

function checkCredential({ scheme, user, password }: OriginCredential): void {
  if (scheme === 'BEARER') {
    if (!TOKEN68.test(password)) throw refuse(scheme, 'the token has characters that a token cannot have');
    return;
  }
  if (user === null) throw refuse(scheme, 'the user name is missing');
  if (CONTROL.test(user) || CONTROL.test(password))
    throw refuse(scheme, 'user name or password hold control characters');
  // The colon ends the user name (RFC 7617 section 2).
  if (scheme === 'BASIC' && user.includes(':')) throw refuse(scheme, 'the user name holds a colon');
}

function refuse(scheme: LoginScheme, why: string): NearbitsError {
  return new NearbitsError('BG_E_INVALID_CREDENTIALS', `credentials for ${scheme}: ${why}`);
}
