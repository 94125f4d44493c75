import { setImmediate as turn } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { Exchange, type ExchangeRequest } from './exchange.ts';
import { describeUrl, originError } from './failure.ts';
import { listHeader, listMembers, parseByteCount, type RequestHeaders, singleHeader } from './headers.ts';
import type { OriginOptions } from './options.ts';
import { isRedirect, RedirectChain } from './redirect.ts';
import { headersFor } from './request-headers.ts';
import type { ResponseHead } from './status.ts';
import { isStaleConnection } from './transport-error.ts';

/** What every request to an origin needs. */
export interface RequestContext {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly log: Logger;
  readonly options: OriginOptions;
}

/** A request before redirects. */
export interface OriginRequest {
  readonly method: 'GET' | 'HEAD';
  /** The URL the job named; its origin alone gets the job's headers in full. */
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
  /** Content-Length, or null when absent or malformed. */
  readonly length: number | null;
}

/**
 * Sends a request, follows its redirects and refuses encoded bodies.
 * @throws NearbitsError E_ORIGIN_UNREACHABLE, E_ORIGIN_TIMEOUT, E_ORIGIN_PROTOCOL or E_CANCELLED.
 */
export async function sendRequest(
  context: RequestContext,
  request: OriginRequest,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const chain = new RedirectChain(request.url, context.options.maxRedirects);
  for (;;) {
    const response = await sendOnce(context, request, chain.current, signal);
    if (!isRedirect(response)) return refuseEncoding(response);
    giveUp(response);
    chain.follow(response);
  }
}

/** Gives up the body of an answer that is not wanted. */
export function giveUp(response: OriginResponse): void {
  response.exchange.discard(response.length);
}

async function sendOnce(
  context: RequestContext,
  request: OriginRequest,
  url: string,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const wire: ExchangeRequest = { method: request.method, url, headers: wireHeaders(context.options, request, url) };
  try {
    return await exchange(context, wire, signal);
  } catch (error) {
    if (!(error instanceof NearbitsError) || !isStaleConnection(error)) throw error;
    context.log.debug({ url: describeUrl(url) }, 'the kept connection was closed; asking once more');
    return await exchange(context, wire, signal);
  }
}

async function exchange(context: RequestContext, wire: ExchangeRequest, signal: AbortSignal): Promise<OriginResponse> {
  const startMs = context.clock.monotonicMs();
  const running = new Exchange(context, { request: wire, limits: context.options, signal });
  const { status, headers } = await running.send(context.dispatcher);
  if (wire.method === 'HEAD') await release(running);
  const ms = Math.round(context.clock.monotonicMs() - startMs);
  context.log.debug({ method: wire.method, url: describeUrl(wire.url), status, ms }, 'origin answered');
  return {
    status,
    headers,
    url: wire.url,
    exchange: running,
    length: parseByteCount(singleHeader(headers, 'content-length')),
  };
}

// An answer to HEAD has ended, but undici frees its connection one turn later; who asks earlier pays for a second one.
async function release(running: Exchange): Promise<void> {
  running.discard(0);
  await turn();
}

// Offsets only mean something in the unencoded file, hence identity (RFC 9110 section 12.5.3).
function wireHeaders(options: OriginOptions, request: OriginRequest, url: string): RequestHeaders {
  return {
    'user-agent': options.userAgent,
    accept: '*/*',
    ...headersFor(request.requestHeaders, request.start, url),
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
