import { sharedChunks } from '../core/chunk-pool.ts';
import { originError } from './failure.ts';
import type { OriginFile } from './origin-file.ts';
import type { RequestContext } from './request-context.ts';
import { giveUp, type OriginResponse, sendRequest } from './send-request.ts';
import { statusError } from './status.ts';

/** The file that a document is about. */
export type DocumentSubject = Pick<OriginFile, 'url' | 'finalUrl' | 'requestHeaders'>;

/** How a document is fetched. */
export interface DocumentOptions {
  /** The media type to ask for. */
  readonly type: string;
  /** Larger documents are refused. */
  readonly maxBytes: number;
  /** Who named it: where the job allows no redirects, an origin may not name one that lies elsewhere. */
  readonly namedBy: 'origin' | 'job';
  readonly signal: AbortSignal;
}

/**
 * Fetches a small document about `file`, never with the method of the job but with GET. Much the same rules hold as for a
 * redirect: not from https to http unless the job allows it, and elsewhere than at the origin of the file no secrets are shown.
 * @throws NearbitsError E_ORIGIN_PROTOCOL for a document that is too large or may not be fetched; other E_ORIGIN_ codes; E_CANCELLED.
 */
export async function fetchDocument(
  context: RequestContext,
  file: DocumentSubject,
  url: string,
  options: DocumentOptions,
): Promise<Uint8Array> {
  refuseDetour(context, file, url, options.namedBy);
  const { url: start, requestHeaders } = file;
  const request = { method: 'GET', start, url, requestHeaders, conditions: { accept: options.type } } as const;
  const response = await sendRequest(context, request, options.signal);
  if (response.status === 200) return await gather(response, options.maxBytes);
  giveUp(response);
  throw statusError(response.url, response, context.clock.wallMs());
}

async function gather({ exchange, url }: OriginResponse, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  await exchange.deliver((chunk) => {
    size += chunk.length;
    if (size > maxBytes) throw originError('E_ORIGIN_PROTOCOL', url, `sends more than ${maxBytes} bytes`);
    // A copy, because a few bytes would keep a chunk of 1 MiB.
    parts.push(Buffer.from(chunk));
    sharedChunks.giveBack(chunk);
  }, 0);
  return Buffer.concat(parts);
}

function refuseDetour(
  { job }: RequestContext,
  file: DocumentSubject,
  url: string,
  namedBy: DocumentOptions['namedBy'],
): void {
  const known = [file.url, file.finalUrl];
  const isSecure = known.some((from) => from.startsWith('https:'));
  if (isSecure && !url.startsWith('https:') && !job.allowHttpsToHttp) {
    throw originError('E_ORIGIN_PROTOCOL', url, 'is to vouch for an https URL but is no https URL itself');
  }
  const isElsewhere = known.every((from) => new URL(from).origin !== new URL(url).origin);
  if (namedBy === 'origin' && isElsewhere && job.redirects === 'disallow') {
    throw originError('E_ORIGIN_PROTOCOL', url, 'lies at another origin, where the job does not allow to be sent');
  }
}
