import type { FileVersion } from '../core/file-version.ts';
import type { ByteSink } from '../core/source.ts';
import { checkWhole } from './check-response.ts';
import { exactSink } from './exact-sink.ts';
import { originError } from './failure.ts';
import { type OriginAnchors, readAnchors } from './origin-anchors.ts';
import { type OriginFile, readValidators } from './origin-file.ts';
import { wantReprDigest } from './repr-digest.ts';
import { askerOf, type RequestContext } from './request-context.ts';
import { shownHeaders } from './response-headers.ts';
import { giveUp, type OriginResponse, sendRequest } from './send-request.ts';
import { judgeSharing, type ShareVerdict } from './share.ts';
import { statusError } from './status.ts';

/** What a whole-file fetch delivered. */
export interface WholeFile {
  /** Bytes delivered. */
  readonly size: number;
  /** The version that was delivered, by the headers of the answer itself. */
  readonly version: FileVersion;
  /** Whether it may be kept for other nodes. */
  readonly share: ShareVerdict;
  /** What the answer says about the content. */
  readonly anchors: OriginAnchors;
  /** The URL that answered after all redirects. */
  readonly finalUrl: string;
  /** The headers of the answer, see {@link shownHeaders}. */
  readonly responseHeaders: Readonly<Record<string, string>>;
}

/**
 * Fetches a file in one request without Range, with the method of the job: for origins without ranges or without a size. A body
 * whose end is marked by the connection alone (HTTP/1.0 style) is taken as complete when it ends.
 * @throws NearbitsError E_ORIGIN_CHANGED when the probe knew a version and this is another one; E_ORIGIN_PROTOCOL
 * beyond maxFileBytes; other E_ORIGIN_ codes; E_CANCELLED.
 */
export async function fetchWhole(
  context: RequestContext,
  file: OriginFile,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<WholeFile> {
  const { url, requestHeaders } = file;
  const conditions = wantReprDigest(requestHeaders);
  const request = { method: context.job.method, start: url, url, requestHeaders, conditions } as const;
  const response = await sendRequest(context, request, signal);
  const nowMs = context.clock.wallMs();
  try {
    check(response, file, nowMs);
  } catch (error) {
    giveUp(response);
    throw error;
  }
  const size = await deliver(context, response, file, sink);
  const version = { size, ...readValidators(response.headers, nowMs) };
  const share = judgeSharing(response.headers, version, askerOf(context, requestHeaders));
  const anchors = readAnchors(response.headers, response.url, response.metalinksOnTheWay);
  return { size, version, share, anchors, finalUrl: response.url, responseHeaders: shownHeaders(response.headers) };
}

function check(response: OriginResponse, file: OriginFile, nowMs: number): void {
  if (file.version !== null) checkWhole(response, file.version, nowMs);
  else if (response.status !== 200) throw statusError(response.url, response, nowMs);
}

async function deliver(
  context: RequestContext,
  response: OriginResponse,
  file: OriginFile,
  sink: ByteSink,
): Promise<number> {
  let size = 0;
  const limit = context.options.maxFileBytes;
  const bounded: ByteSink = (chunk) => {
    size += chunk.length;
    if (size <= limit) return sink(chunk);
    throw originError('E_ORIGIN_PROTOCOL', response.url, `sends more than ${limit} bytes`, {
      details: { limit: 'maxFileBytes' },
    });
  };
  const expected = file.size ?? response.length;
  const exact = expected === null ? null : exactSink(expected, bounded, response.url);
  await response.exchange.deliver(exact?.sink ?? bounded, 0);
  exact?.end();
  return size;
}
