import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a guard wants. */
export interface GuardOptions {
  readonly scheme: 'Basic' | 'Bearer' | 'Digest';
  readonly user?: string;
  /** The token of Bearer. */
  readonly password: string;
  /** For Digest: MD5, SHA-256 or one with -sess. */
  readonly algorithm?: string;
  /** For Digest: a nonce is good for so many requests, then it is stale. */
  readonly nonceUses?: number;
  /** Whether it guards a proxy. */
  readonly proxy?: boolean;
  /** Challenges that come before the own one. */
  readonly others?: readonly string[];
}

/** A login as servers check it, written from the RFCs and apart from the client's code. */
export class LoginGuard {
  readonly #options: GuardOptions;
  readonly #counts = new Map<string, number>();
  #nonces = 0;
  /** The values of Authorization, or Proxy-Authorization, of all requests so far; null where it was missing. */
  readonly seen: (string | null)[] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** The challenges for a request, or null when it may pass. */
  readonly check = (request: IncomingMessage): readonly string[] | null => {
    const { scheme, user = '', password, proxy, others = [] } = this.#options;
    const value = request.headers[proxy ? 'proxy-authorization' : 'authorization'] ?? null;
    this.seen.push(value);
    if (scheme === 'Digest') return this.#checkDigest(value, request.method ?? '', request.url ?? '');
    const wanted = scheme === 'Bearer' ? password : Buffer.from(`${user}:${password}`).toString('base64');
    return value === `${scheme} ${wanted}` ? null : [...others, `${scheme} realm="files, all of them"`];
  };

  /** For an origin: answers 401 when a request may not pass; true: done. */
  readonly intercept = (request: IncomingMessage, response: ServerResponse): boolean => {
    const challenges = this.check(request);
    if (challenges === null) return false;
    response.writeHead(401, { 'www-authenticate': [...challenges] }).end('login first');
    return true;
  };

  #checkDigest(value: string | null, method: string, url: string): readonly string[] | null {
    const fields = new Map(
      [...(value ?? '').matchAll(/(\w+)=(?:"([^"]*)"|([^", ]+))/g)].map(([, name, quoted, bare]) => [
        name as string,
        quoted ?? (bare as string),
      ]),
    );
    const nonce = fields.get('nonce') ?? '';
    const known = this.#counts.get(nonce);
    if (known === undefined || !this.#isRight(fields, method, url)) return this.#challenge(false);
    // A count that comes twice is a replay.
    const count = Number.parseInt(fields.get('nc') ?? '0', 16);
    if (count !== known + 1 || count > (this.#options.nonceUses ?? Infinity)) return this.#challenge(true);
    this.#counts.set(nonce, count);
    return null;
  }

  #isRight(fields: ReadonlyMap<string, string>, method: string, url: string): boolean {
    const { user = '', password, algorithm = 'MD5' } = this.#options;
    const of = (name: string) => fields.get(name) ?? '';
    const hash = (text: string) =>
      createHash(algorithm.startsWith('MD5') ? 'md5' : 'sha256')
        .update(text)
        .digest('hex');
    const secret = hash(`${user}:place:${password}`);
    const a1 = algorithm.endsWith('-sess') ? hash(`${secret}:${of('nonce')}:${of('cnonce')}`) : secret;
    const a2 = hash(`${method}:${url}`);
    const response = hash(`${a1}:${of('nonce')}:${of('nc')}:${of('cnonce')}:auth:${a2}`);
    return of('username') === user && of('uri') === url && of('opaque') === 'op' && of('response') === response;
  }

  #challenge(stale: boolean): readonly string[] {
    const nonce = `nonce-${++this.#nonces}`;
    this.#counts.set(nonce, 0);
    const { algorithm = 'MD5', others = [] } = this.#options;
    const own = `Digest realm="place", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="op"`;
    return [...others, stale ? `${own}, stale=true` : own];
  }
}
