import { setImmediate as turn } from 'node:timers/promises';
import { NearbitsError } from '../core/errors.ts';
import type { OriginDispatcher } from './dispatcher.ts';
import { Exchange, type ExchangeRequest } from './exchange.ts';
import { describeUrl, originError } from './failure.ts';
import { listHeader, listMembers, parseByteCount, type RequestHeaders, singleHeader } from './headers.ts';
import { type LoginRequest, refusedLogin } from './logins.ts';
import { describedBy } from './origin-anchors.ts';
import { isRedirect, methodAfter, RedirectChain, redirectRefused } from './redirect.ts';
import type { RequestContext } from './request-context.ts';
import { headersFor } from './request-headers.ts';
import type { ResponseHead } from './status.ts';
import { isStaleConnection } from './transport-error.ts';

// Others may have had their effect although no answer came (RFC 9110 section 9.2.2).
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** A request before redirects. */
export interface OriginRequest {
  readonly method: string;
  /** The URL the job named; its origin alone gets the job's headers in full, its credentials and its certificate. */
  readonly start: string;
  /** Where to begin: `start`, or the URL that earlier redirects led to. */
  readonly url: string;
  /** The job's own headers, checked. */
  readonly requestHeaders: RequestHeaders;
  /** Range and conditions. */
  readonly conditions: RequestHeaders;
}

/** The answer after all redirects; its body waits in the socket. */
export interface OriginResponse extends ResponseHead {
  readonly url: string;
  readonly exchange: Exchange;
  /** Metalink documents that redirects on the way named about the file (RFC 6249 section 2). */
  readonly metalinksOnTheWay: readonly string[];
  /** Content-Length, or null when absent or malformed. */
  readonly length: number | null;
}

/**
 * Sends a request, logs in where the job can, follows redirects as the job allows and refuses encoded bodies.
 * @throws NearbitsError E_ORIGIN_UNREACHABLE, E_ORIGIN_TIMEOUT, E_ORIGIN_PROTOCOL, ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED,
 * E_CANCELLED, or E_ORIGIN_STATUS for refused credentials and redirects.
 */
export async function sendRequest(
  context: RequestContext,
  request: OriginRequest,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const { maxRedirects } = context.options;
  const { redirects, allowHttpsToHttp } = context.job;
  const chain = new RedirectChain(request.url, { maxRedirects, allowHttpsToHttp });
  const metalinksOnTheWay: string[] = [];
  for (let method = request.method; ; ) {
    const response = await sendLoggedIn(context, { ...request, method, url: chain.current }, signal);
    if (!isRedirect(response)) return { ...refuseEncoding(response), metalinksOnTheWay };
    metalinksOnTheWay.push(...describedBy(response.headers, response.url));
    giveUp(response);
    if (redirects === 'disallow') throw redirectRefused(response.url, response);
    chain.follow(response);
    method = methodAfter(response.status, method);
  }
}

/** Gives up the body of an answer that is not wanted. */
export function giveUp(response: OriginResponse): void {
  response.exchange.discard(response.length);
}

// Sends again with credentials when they are asked for.
async function sendLoggedIn(
  context: RequestContext,
  request: OriginRequest,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const { method, url } = request;
  const isNamed = new URL(request.start).origin === new URL(url).origin;
  const connections = isNamed ? context.connections : context.strangers;
  const login: LoginRequest = { method, url, isNamed, isForwarded: connections.forwards(url) };
  for (let round = 0; ; round++) {
    const sent = context.logins.forRequest(login);
    const wire = { method, url, headers: { ...wireHeaders(context, request), ...sent.headers } };
    const response = await sendOnce(context, connections, wire, signal);
    const verdict = context.logins.judge(login, response, sent, round);
    if (verdict === 'answered') return response;
    giveUp(response);
    if (verdict !== 'again') throw refusedLogin(url, response, verdict);
  }
}

async function sendOnce(
  context: RequestContext,
  connections: OriginDispatcher,
  wire: ExchangeRequest,
  signal: AbortSignal,
): Promise<OriginResponse> {
  try {
    return await exchange(context, connections, wire, signal);
  } catch (error) {
    if (!(error instanceof NearbitsError) || !REPEATABLE.has(wire.method) || !isStaleConnection(error)) throw error;
    context.log.debug({ url: describeUrl(wire.url) }, 'the kept connection was closed; asking once more');
    return await exchange(context, connections, wire, signal);
  }
}

async function exchange(
  context: RequestContext,
  connections: OriginDispatcher,
  wire: ExchangeRequest,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const startMs = context.clock.monotonicMs();
  const running = new Exchange(context, { request: wire, limits: context.options, signal });
  const { status, headers } = await running.send(connections);
  if (wire.method === 'HEAD') await release(running);
  const ms = Math.round(context.clock.monotonicMs() - startMs);
  context.log.debug({ method: wire.method, url: describeUrl(wire.url), status, ms }, 'origin answered');
  return {
    status,
    headers,
    url: wire.url,
    exchange: running,
    metalinksOnTheWay: [],
    length: parseByteCount(singleHeader(headers, 'content-length')),
  };
}

// An answer to HEAD has ended, but undici frees its connection one turn later; who asks earlier pays for a second one.
async function release(running: Exchange): Promise<void> {
  running.discard(0);
  await turn();
}

// Offsets only mean something in the unencoded file, hence identity (RFC 9110 section 12.5.3).
function wireHeaders(context: RequestContext, request: OriginRequest): RequestHeaders {
  return {
    'user-agent': context.options.userAgent,
    accept: '*/*',
    ...headersFor(request.requestHeaders, request.start, request.url),
    ...request.conditions,
    'accept-encoding': 'identity',
  };
}

function refuseEncoding(response: OriginResponse): OriginResponse {
  const encodings = listMembers(listHeader(response.headers, 'content-encoding')).filter((name) => name !== 'identity');
  // An error page may be encoded as it likes: only its status counts.
  if (encodings.length === 0 || response.status >= 300) return response;
  giveUp(response);
  throw originError(
    'E_ORIGIN_PROTOCOL',
    response.url,
    `sends Content-Encoding ${encodings.join(', ')} although identity was asked`,
    {
      details: { contentEncoding: encodings.join(', ').slice(0, 100) },
      hint: 'The origin must serve the file unencoded, or under a URL of its own for the encoded form.',
    },
  );
}
