import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { toNearbitsError } from '../core/errors.ts';
import type { Authenticator } from './authenticator.ts';
import { type Connector, originConnector } from './connector.ts';
import type { OriginJobSettings } from './job-settings.ts';
import type { OriginOptions } from './options.ts';
import { ProxyGroup } from './proxy-group.ts';
import { jobRoutes, type ProxyAddress, type ProxyRoutes, routeOf } from './proxy-routes.ts';

/** A request as it is handed to undici. */
export type DispatchRequest = Dispatcher.DispatchOptions & { readonly origin: string };

/**
 * Keeps the connections to origins, direct and through proxies. HTTP/1.1 only: over HTTP/2 all ranges of a file would
 * share one connection and its flow control, and each range is one request here anyway. Header blocks are limited to 16 KiB.
 */
export class OriginDispatcher {
  readonly #routes: ProxyRoutes;
  readonly #agent: Agent;
  readonly #groups: ReadonlyMap<readonly ProxyAddress[], ProxyGroup>;

  /**
   * Opens no connection yet. `identify` tells whether the job's client certificate is shown.
   * @throws NearbitsError E_CONFIG, BG_E_INVALID_PROXY_INFO or E_INVALIDARG when proxies or certificates cannot be used.
   */
  constructor(
    deps: { readonly clock: Clock; readonly proxyLogins: Authenticator },
    options: { readonly origin: OriginOptions; readonly job: OriginJobSettings; readonly identify: boolean },
  ) {
    const { origin, job } = options;
    this.#routes = jobRoutes(job.proxy, origin.proxy, process.env);
    const lists = [this.#routes.http, this.#routes.https].filter((proxies) => proxies.length > 0);
    const group = (proxies: readonly ProxyAddress[]) =>
      new ProxyGroup({ clock: deps.clock, logins: deps.proxyLogins }, { proxies, origin });
    this.#groups = new Map([...new Set(lists)].map((proxies) => [proxies, group(proxies)]));
    this.#agent = new Agent({
      allowH2: false,
      maxHeaderSize: 16 * 1024,
      connectTimeout: origin.connectTimeoutMs,
      connect: this.#connector(originConnector(origin, job, options.identify)),
    });
  }

  /** Whether a proxy gets requests for this URL itself, not only a tunnel. */
  forwards(url: string): boolean {
    const parsed = new URL(url);
    return parsed.protocol === 'http:' && this.#groupFor(parsed) !== undefined;
  }

  /** Sends a request; what becomes of it is told to the handler. */
  dispatch(request: DispatchRequest, handler: Dispatcher.DispatchHandler): void {
    const url = new URL(request.origin);
    const group = url.protocol === 'http:' ? this.#groupFor(url) : undefined;
    if (group === undefined) this.#agent.dispatch(request, handler);
    else group.forward(request, handler);
  }

  /** Ends all connections; requests under way fail. */
  async destroy(): Promise<void> {
    await Promise.all([this.#agent.destroy(), ...[...this.#groups.values()].map((group) => group.destroy())]);
  }

  #groupFor(url: URL): ProxyGroup | undefined {
    return this.#groups.get(routeOf(this.#routes, url));
  }

  #connector(connect: Connector): Connector {
    return (target, callback) => {
      const url = new URL(`${target.protocol}//${target.host ?? target.hostname}`);
      const group = url.protocol === 'https:' ? this.#groupFor(url) : undefined;
      if (group === undefined) return connect(target, callback);
      group.tunnel(`${url.hostname}:${url.port || '443'}`).then(
        (httpSocket) => connect({ ...target, httpSocket }, callback),
        (error: unknown) => callback(toNearbitsError(error), null),
      );
    };
  }
}
