import type { Challenge } from './challenge.ts';
import { type DigestChallenge, digestAuthorization, readDigest } from './digest.ts';
import type { OriginCredential } from './job-settings.ts';

/** A login as it went out with one request. */
export interface SentLogin {
  /** The value of the header; a secret. */
  readonly value: string;
  /** The nonce it was made for, null for schemes without one. */
  readonly nonce: string | null;
}

interface FixedLogin {
  readonly kind: 'fixed';
  readonly value: string;
}
interface DigestLogin {
  readonly kind: 'digest';
  readonly credential: OriginCredential;
  readonly challenge: DigestChallenge;
  /** One for each nonce, because servers differ in which one they use for -sess (RFC 7616 section 3.4.2). */
  readonly cnonce: string;
  count: number;
}
type Login = FixedLogin | DigestLogin;

/** Logins are remembered for this many origins; beyond that the oldest is forgotten and costs a round trip again. */
const MAX_REMEMBERED = 256;

/** A stale nonce is replaced this often for one request: a server that calls each one stale must not keep us busy. */
export const MAX_LOGIN_ROUNDS = 3;

/**
 * Answers challenges with the credentials for one target and remembers the answer for each origin, so that only its
 * first request pays a round trip. Nothing is sent before a challenge asked for it.
 */
export class Authenticator {
  readonly #credentials: readonly OriginCredential[];
  readonly #newNonce: () => string;
  readonly #logins = new Map<string, Login>();

  /** `newNonce` makes client nonces: unpredictable, visible ASCII without quotes. */
  constructor(
    deps: { readonly newNonce: () => string },
    options: { readonly credentials: readonly OriginCredential[] },
  ) {
    this.#credentials = options.credentials;
    this.#newNonce = deps.newNonce;
  }

  /** Whether there is anything to log in with. */
  get canLogIn(): boolean {
    return this.#credentials.length > 0;
  }

  /** The login to send to `place` (an origin, or one name for all proxies), or null before its first challenge. */
  login(place: string, method: string, uri: string): SentLogin | null {
    const login = this.#logins.get(place);
    if (login === undefined) return null;
    if (login.kind === 'fixed') return { value: login.value, nonce: null };
    const { user, password } = login.credential;
    login.count++;
    const input = { user: user ?? '', password, method, uri, count: login.count, cnonce: login.cnonce };
    return { value: digestAuthorization(login.challenge, input), nonce: login.challenge.nonce };
  }

  /**
   * Takes note of the challenges to a request that went out with `sent`; `round` counts the tries of this request from 0.
   * @returns `again` when another try may succeed, `refused` when the credentials were, `unsupported` when none fits.
   */
  learn(
    place: string,
    challenges: readonly Challenge[],
    sent: SentLogin | null,
    round: number,
  ): 'again' | 'refused' | 'unsupported' {
    const login = this.#choose(challenges);
    const worked = login !== null && round < MAX_LOGIN_ROUNDS && !isRefusal(login, sent, round);
    if (worked) {
      this.#remember(place, login);
      return 'again';
    }
    this.#logins.delete(place);
    return login === null && sent === null ? 'unsupported' : 'refused';
  }

  // The strongest first: Digest does not show the password, a token is worth less than one.
  #choose(challenges: readonly Challenge[]): Login | null {
    return this.#digest(challenges) ?? this.#fixed(challenges, 'BEARER') ?? this.#fixed(challenges, 'BASIC');
  }

  #digest(challenges: readonly Challenge[]): Login | null {
    const credential = this.#credentials.find(({ scheme }) => scheme === 'DIGEST');
    if (credential === undefined) return null;
    const offered = challenges.filter(({ scheme }) => scheme === 'digest').map(readDigest);
    const usable = offered.filter((challenge) => challenge !== null);
    const challenge = usable.find(({ hash }) => hash === 'sha256') ?? usable[0];
    return challenge === undefined
      ? null
      : { kind: 'digest', credential, challenge, cnonce: this.#newNonce(), count: 0 };
  }

  #fixed(challenges: readonly Challenge[], wanted: 'BEARER' | 'BASIC'): Login | null {
    const credential = this.#credentials.find(({ scheme }) => scheme === wanted);
    if (credential === undefined || !challenges.some(({ scheme }) => scheme === wanted.toLowerCase())) return null;
    if (wanted === 'BEARER') return { kind: 'fixed', value: `Bearer ${credential.password}` };
    return { kind: 'fixed', value: basicAuthorization(credential.user ?? '', credential.password) };
  }

  #remember(place: string, login: Login): void {
    const known = this.#logins.get(place);
    // Requests side by side get the same challenge; the count of its nonce must go on.
    if (known?.kind === 'digest' && login.kind === 'digest' && known.challenge.nonce === login.challenge.nonce) return;
    this.#logins.delete(place);
    this.#logins.set(place, login);
    const oldest = this.#logins.size > MAX_REMEMBERED ? this.#logins.keys().next().value : undefined;
    if (oldest !== undefined) this.#logins.delete(oldest);
  }
}

// A fresh nonce without stale=true means wrong credentials (RFC 7616 section 3.3), unless the nonce was an old one:
// then it may only have run out, and not every server says so.
function isRefusal(login: Login, sent: SentLogin | null, round: number): boolean {
  if (sent === null) return false;
  if (login.kind === 'fixed') return sent.value === login.value;
  if (login.challenge.nonce === sent.nonce) return true;
  return !login.challenge.stale && round > 0 && sent.nonce !== null;
}

/** The value of a header that logs in with the Basic scheme, in UTF-8 (RFC 7617). */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}
