import type { Socket } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Authenticator, SentLogin } from './authenticator.ts';
import { isCertificateCode } from './certificate-codes.ts';
import { readChallenges } from './challenge.ts';
import { type Connector, proxyConnector } from './connector.ts';
import { type LoginVerdict, PROXIES, refusedLogin } from './logins.ts';
import type { OriginOptions } from './options.ts';
import type { ProxyAddress } from './proxy-routes.ts';
import { type ResponseHead, statusError } from './status.ts';
import { reasonOf } from './transport-error.ts';

/**
 * Proxies of which the first that takes a connection is used. Each new connection begins with the one that worked last.
 * http requests are handed to the proxy as they are, with the full URL; for https it opens a tunnel (RFC 9110 section 9.3.6).
 */
export class ProxyGroup {
  readonly #clock: Clock;
  readonly #logins: Authenticator;
  readonly #proxies: readonly ProxyAddress[];
  readonly #pool: Pool;
  readonly #connector: Connector;
  #preferred = 0;

  /** `logins` are those for proxies. */
  constructor(
    deps: { readonly clock: Clock; readonly logins: Authenticator },
    options: { readonly proxies: readonly ProxyAddress[]; readonly origin: OriginOptions },
  ) {
    const { proxies, origin } = options;
    this.#clock = deps.clock;
    this.#logins = deps.logins;
    this.#proxies = proxies;
    // The time limit is for all of them together, so that one that swallows packets leaves time for the next.
    this.#connector = proxyConnector(origin, Math.ceil(origin.connectTimeoutMs / proxies.length));
    this.#pool = new Pool('http://proxy.invalid', {
      allowH2: false,
      maxHeaderSize: 16 * 1024,
      headersTimeout: origin.connectTimeoutMs,
      connectTimeout: origin.connectTimeoutMs,
      connect: (_target, callback) => {
        this.#connectAny().then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        );
      },
    });
  }

  /** Hands a request for an http origin to the proxy. */
  forward(
    options: Dispatcher.DispatchOptions & { readonly origin: string },
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const given = options.headers as Record<string, string>;
    const headers = { ...this.#preset(), ...given, host: new URL(options.origin).host };
    return this.#pool.dispatch({ ...options, path: options.origin + options.path, headers }, handler);
  }

  /**
   * A connection through the proxy to `authority`, a host with its port.
   * @throws NearbitsError E_ORIGIN_UNREACHABLE, or the error of the proxy's status.
   */
  async tunnel(authority: string): Promise<Socket> {
    for (let round = 0; ; round++) {
      const sent = this.#logins.login(PROXIES, 'CONNECT', authority);
      const { statusCode, headers, socket } = await this.#connect(authority, sent);
      if (statusCode >= 200 && statusCode < 300) return socket as Socket;
      socket.on('error', () => {}).destroy();
      const head = { status: statusCode, headers };
      const verdict = this.#judge(head, sent, round);
      if (verdict !== 'again') throw this.#refusal(authority, head, verdict);
    }
  }

  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }

  #judge(head: ResponseHead, sent: SentLogin | null, round: number): LoginVerdict {
    if (head.status !== 407 || !this.#logins.canLogIn) return 'answered';
    return this.#logins.learn(PROXIES, readChallenges(head.headers, 'proxy-authenticate'), sent, round);
  }

  #refusal(authority: string, head: ResponseHead, verdict: 'answered' | 'refused' | 'unsupported'): NearbitsError {
    const url = `https://${authority}/`;
    if (verdict === 'answered') return statusError(url, head, this.#clock.wallMs(), 'proxy');
    return refusedLogin(url, head, verdict);
  }

  async #connect(authority: string, sent: SentLogin | null): Promise<Dispatcher.ConnectData> {
    const login = sent === null ? this.#preset() : { 'proxy-authorization': sent.value };
    try {
      return await this.#pool.connect({ path: authority, headers: { host: authority, ...login } });
    } catch (error) {
      // undici tries for ever when a connector fails with some of its own codes, so none of them may get out of here.
      throw error instanceof NearbitsError ? error : unreachable(error, 'the proxy broke off');
    }
  }

  // A login that is part of the proxy's URL goes out unasked, as programs do that read it from http_proxy.
  #preset(): Record<string, string> {
    const login = this.#proxies.length === 1 ? (this.#proxies[0]?.login ?? null) : null;
    return login === null ? {} : { 'proxy-authorization': login };
  }

  async #connectAny(): Promise<Socket> {
    let failure: unknown;
    for (let tried = 0; tried < this.#proxies.length; tried++) {
      const index = (this.#preferred + tried) % this.#proxies.length;
      try {
        const socket = await this.#connectTo(this.#proxies[index] as ProxyAddress);
        this.#preferred = index;
        return socket;
      } catch (error) {
        failure = error;
      }
    }
    throw unreachable(failure, 'no proxy can be reached');
  }

  #connectTo({ protocol, hostname, port }: ProxyAddress): Promise<Socket> {
    const bare = hostname.replace(/^\[|\]$/g, '');
    return new Promise((resolve, reject) => {
      this.#connector({ protocol, hostname: bare, host: `${hostname}:${port}`, port }, (error, socket) => {
        if (error === null) resolve(socket);
        else reject(error);
      });
    });
  }
}

function unreachable(cause: unknown, what: string): NearbitsError {
  const reason = reasonOf(cause);
  return new NearbitsError('E_ORIGIN_UNREACHABLE', `${what} (${reason ?? String(cause)})`, {
    cause,
    details: {
      proxy: true,
      ...(reason === undefined ? {} : { reason }),
      ...(reason !== undefined && isCertificateCode(reason) ? { certificate: true } : {}),
    },
    hint: 'Check the proxy of the job, origin.proxy, http_proxy and https_proxy.',
  });
}
