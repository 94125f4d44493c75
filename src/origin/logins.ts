import type { NearbitsError } from '../core/errors.ts';
import { Authenticator, type SentLogin } from './authenticator.ts';
import { readChallenges } from './challenge.ts';
import { originError } from './failure.ts';
import type { RequestHeaders } from './headers.ts';
import type { OriginCredential } from './job-settings.ts';
import type { ResponseHead } from './status.ts';

/** The name under which logins at proxies are remembered: a job has one login for all of its proxies. */
export const PROXIES = 'proxies';

/** What an answer means for the login: it is the answer, the request should be sent again, or why that is useless. */
export type LoginVerdict = 'answered' | 'again' | 'refused' | 'unsupported';

/** What the logins of one request depend on. */
export interface LoginRequest {
  readonly method: string;
  readonly url: string;
  /** Whether this is the origin the job named; no other gets its credentials. */
  readonly isNamed: boolean;
  /** Whether a proxy gets the request itself, not only a tunnel. */
  readonly isForwarded: boolean;
}

/** The logins that went out with one request. */
export interface SentLogins {
  readonly headers: RequestHeaders;
  readonly server: SentLogin | null;
  readonly proxy: SentLogin | null;
}

/** The logins of a job: at the origins it names, and at proxies. */
export class Logins {
  readonly server: Authenticator;
  readonly proxy: Authenticator;

  constructor(deps: { readonly newNonce: () => string }, credentials: readonly OriginCredential[]) {
    const aimedAt = (target: OriginCredential['target']) => credentials.filter((item) => item.target === target);
    this.server = new Authenticator(deps, { credentials: aimedAt('SERVER') });
    this.proxy = new Authenticator(deps, { credentials: aimedAt('PROXY') });
  }

  /** What to send along, as far as it is known already. */
  forRequest(request: LoginRequest): SentLogins {
    const { origin, pathname, search, href } = new URL(request.url);
    const server = request.isNamed ? this.server.login(origin, request.method, pathname + search) : null;
    const proxy = request.isForwarded ? this.proxy.login(PROXIES, request.method, href) : null;
    const headers = {
      ...(server === null ? {} : { authorization: server.value }),
      ...(proxy === null ? {} : { 'proxy-authorization': proxy.value }),
    };
    return { headers, server, proxy };
  }

  /** Judges an answer and learns from its challenges; `round` counts the tries of this request from 0. */
  judge(request: LoginRequest, head: ResponseHead, sent: SentLogins, round: number): LoginVerdict {
    if (head.status === 401 && request.isNamed && this.server.canLogIn) {
      const challenges = readChallenges(head.headers, 'www-authenticate');
      return this.server.learn(new URL(request.url).origin, challenges, sent.server, round);
    }
    if (head.status === 407 && request.isForwarded && this.proxy.canLogIn) {
      return this.proxy.learn(PROXIES, readChallenges(head.headers, 'proxy-authenticate'), sent.proxy, round);
    }
    return 'answered';
  }
}

/** The error for a 401 or 407 that the credentials of the job cannot mend. */
export function refusedLogin(url: string, head: ResponseHead, verdict: 'refused' | 'unsupported'): NearbitsError {
  const atProxy = head.status === 407;
  const who = atProxy ? 'proxy' : 'origin';
  const schemes = readChallenges(head.headers, atProxy ? 'proxy-authenticate' : 'www-authenticate');
  const offered = [...new Set(schemes.map(({ scheme }) => scheme.slice(0, 20)))].slice(0, 8);
  const hint =
    verdict === 'unsupported'
      ? `The ${who} offers ${offered.join(', ') || 'no way to log in'}; the job has no credentials that fit.`
      : `The ${who} refuses the credentials of the job; check the user name and the password.`;
  return originError('E_ORIGIN_STATUS', url, `the ${who} answered ${head.status}`, {
    details: { status: head.status, offered },
    hint,
  });
}
