import { NearbitsError } from '../core/errors.ts';
import { basicAuthorization } from './authenticator.ts';
import { isBypassed, noProxyEntries } from './bypass.ts';
import type { JobProxySettings } from './job-settings.ts';

/** One HTTP proxy. */
export interface ProxyAddress {
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  readonly port: string;
  /** The login that was part of the URL, as a header value, or null. */
  readonly login: string | null;
}

/** Which proxies lead where; an empty list means directly. */
export interface ProxyRoutes {
  readonly http: readonly ProxyAddress[];
  readonly https: readonly ProxyAddress[];
  /** Entries as in bypass.ts. */
  readonly bypass: readonly string[];
}

const DIRECT: ProxyRoutes = { http: [], https: [], bypass: [] };

/** The proxies to try in turn for a URL; empty: connect directly. */
export function routeOf(routes: ProxyRoutes, url: URL): readonly ProxyAddress[] {
  const proxies = url.protocol === 'https:' ? routes.https : routes.http;
  return proxies.length === 0 || isBypassed(routes.bypass, url) ? [] : proxies;
}

/**
 * The routes of a job; PRECONFIG takes the node's, see {@link configuredRoutes}.
 * @throws NearbitsError BG_E_INVALID_PROXY_INFO for a list that is empty or names something that is no HTTP proxy, or
 * that holds credentials; E_CONFIG.
 */
export function jobRoutes(settings: JobProxySettings, configured: string, env: NodeJS.ProcessEnv): ProxyRoutes {
  if (settings.usage === 'NO_PROXY') return DIRECT;
  if (settings.usage === 'PRECONFIG') return configuredRoutes(configured, env);
  const proxies = settings.list.map((text) => parseProxy(text));
  if (proxies.length === 0) throw invalidProxy('the list of proxies is empty');
  const usable = proxies.filter((proxy) => proxy !== null && proxy.login === null) as ProxyAddress[];
  if (usable.length < proxies.length) throw invalidProxy('the list of proxies has an entry that is not a usable proxy');
  return { http: usable, https: usable, bypass: settings.bypass };
}

/**
 * The routes of the node: `none`, the URL of one proxy, or `environment`, which obeys http_proxy, https_proxy (or else
 * http_proxy) and no_proxy, in lower or upper case.
 * @throws NearbitsError E_CONFIG when a proxy is not a usable URL.
 */
export function configuredRoutes(configured: string, env: NodeJS.ProcessEnv): ProxyRoutes {
  if (configured === 'none') return DIRECT;
  if (configured !== 'environment') {
    const proxies = nodeProxy(configured);
    return { http: proxies, https: proxies, bypass: [] };
  }
  const http = nodeProxy(env.http_proxy ?? env.HTTP_PROXY ?? '');
  const secure = env.https_proxy ?? env.HTTPS_PROXY ?? '';
  const bypass = noProxyEntries(env.no_proxy ?? env.NO_PROXY ?? '');
  return { http, https: secure === '' ? http : nodeProxy(secure), bypass };
}

function nodeProxy(text: string): readonly ProxyAddress[] {
  if (text === '') return [];
  const proxy = parseProxy(text);
  if (proxy !== null) return [proxy];
  // The URL is not shown: it may hold a password.
  throw new NearbitsError('E_CONFIG', 'the proxy for origins is not a usable URL', {
    hint: 'Check origin.proxy, http_proxy and https_proxy: http and https proxies can be used.',
  });
}

/** Reads `http://host:port`, `https://host:port` or `host:port`; null for anything else. */
function parseProxy(text: string): ProxyAddress | null {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
  if (url.hostname === '' || url.pathname !== '/' || url.search !== '') return null;
  const { protocol, hostname, username, password } = url;
  const port = url.port === '' ? (protocol === 'https:' ? '443' : '80') : url.port;
  const login = username === '' ? null : loginOf(username, password);
  return login === undefined ? null : { protocol, hostname, port, login };
}

// Undefined when it is not properly encoded.
function loginOf(username: string, password: string): string | undefined {
  try {
    return basicAuthorization(decodeURIComponent(username), decodeURIComponent(password));
  } catch {
    return undefined;
  }
}

function invalidProxy(message: string): NearbitsError {
  return new NearbitsError('BG_E_INVALID_PROXY_INFO', message, {
    hint: 'Name proxies as http://host:port or https://host:port, and give a login as credentials for PROXY.',
  });
}
