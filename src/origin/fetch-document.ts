import { sharedChunks } from '../core/chunk-pool.ts';
import { originError } from './failure.ts';
import type { OriginFile } from './origin-file.ts';
import type { RequestContext } from './request-context.ts';
import { giveUp, type OriginResponse, sendRequest } from './send-request.ts';
import { statusError } from './status.ts';

/**
 * Fetches a small document that an origin named in its answer about `file`. The same rules hold as for a redirect: not from https to
 * http unless the job allows it, and elsewhere than at the origin of the job no secrets are shown.
 * @param options.type the media type to ask for.
 * @param options.maxBytes larger documents are refused.
 * @throws NearbitsError E_ORIGIN_PROTOCOL for a document that is too large or may not be fetched; other E_ORIGIN_ codes; E_CANCELLED.
 */
export async function fetchDocument(
  context: RequestContext,
  file: OriginFile,
  url: string,
  options: { readonly type: string; readonly maxBytes: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  refuseDetour(context, file, url);
  const { url: start, requestHeaders } = file;
  const request = { method: 'GET', start, url, requestHeaders, conditions: { accept: options.type } } as const;
  const response = await sendRequest(context, request, signal);
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

function refuseDetour({ job }: RequestContext, file: OriginFile, url: string): void {
  const known = [file.url, file.finalUrl];
  const isSecure = known.some((from) => from.startsWith('https:'));
  if (isSecure && !url.startsWith('https:') && !job.allowHttpsToHttp) {
    throw originError('E_ORIGIN_PROTOCOL', url, 'is named by an https origin but is no https URL');
  }
  const isElsewhere = known.every((from) => new URL(from).origin !== new URL(url).origin);
  if (isElsewhere && job.redirects === 'disallow') {
    throw originError('E_ORIGIN_PROTOCOL', url, 'lies at another origin, where the job does not allow to be sent');
  }
}
