import { type ByteRange, printRange, rangeLength } from '../core/byte-range.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { FileVersion } from '../core/file-version.ts';
import type { ByteSink, Source } from '../core/source.ts';
import { checkPart, checkWhole } from './check-response.ts';
import { rangeConditions } from './conditions.ts';
import { exactSink } from './exact-sink.ts';
import { originError } from './failure.ts';
import type { OriginFile } from './origin-file.ts';
import { askerOf, type RequestContext } from './request-context.ts';
import { giveUp, type OriginResponse, sendRequest } from './send-request.ts';
import { forbiddenBy, type ShareVerdict } from './share.ts';

/** Delivers ranges of one version of a file from its origin. */
export class OriginSource implements Source {
  readonly kind = 'origin';
  readonly id = 'origin';
  readonly #context: RequestContext;
  readonly #file: OriginFile;
  readonly #version: FileVersion;
  #currentUrl: string;
  #share: ShareVerdict;

  /** @throws NearbitsError E_ORIGIN_NO_RANGES when the size is unknown: then only fetchWhole can work. */
  constructor(context: RequestContext, file: OriginFile) {
    if (file.version === null) throw noRanges(file.finalUrl, 'does not tell the size of the file');
    this.#context = context;
    this.#file = file;
    this.#version = file.version;
    this.#currentUrl = file.finalUrl;
    this.#share = file.share;
  }

  /** The URL that answered last, after all redirects; before the first fetch, the probe's. */
  get finalUrl(): string {
    return this.#currentUrl;
  }

  /** The verdict on sharing; an answer that forbids it later than the probe counts too. */
  get share(): ShareVerdict {
    return this.#share;
  }

  /**
   * Fetches one range with one request; the whole file is asked for without a Range header, which every server understands.
   * @throws NearbitsError E_ORIGIN_CHANGED when the file is another version, E_ORIGIN_NO_RANGES when only the whole file
   * can be had, E_INVALID_RANGE beyond the end, E_CANCELLED, or another E_ORIGIN_ code.
   */
  async fetch(range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    if (range.start < 0 || range.start > range.end || range.end > this.#version.size) {
      throw new NearbitsError('E_INVALID_RANGE', `${printRange(range)} is no range of ${this.#version.size} bytes`);
    }
    if (signal.aborted) throw toNearbitsError(signal.reason, 'E_CANCELLED');
    if (rangeLength(range) === 0) return;
    const whole = rangeLength(range) === this.#version.size;
    if (!whole && !this.#file.acceptsRanges) throw noRanges(this.#currentUrl, 'serves no ranges');
    const response = await this.#ask(range, whole, signal);
    const counted = exactSink(rangeLength(range), sink, response.url);
    await response.exchange.deliver(counted.sink, range.start);
    counted.end();
  }

  async #ask(range: ByteRange, whole: boolean, signal: AbortSignal): Promise<OriginResponse> {
    const conditions = whole ? {} : rangeConditions(range, this.#version, this.#file.dateIsStrong);
    try {
      return await this.#askAt(this.#currentUrl, conditions, range, whole, signal);
    } catch (error) {
      // Where redirects led may be a link that expired meanwhile: ask the URL of the job for a fresh one, once.
      const expired = error instanceof NearbitsError && error.code === 'E_ORIGIN_STATUS';
      if (!expired || this.#currentUrl === this.#file.url) throw error;
      this.#currentUrl = this.#file.url;
      return await this.#askAt(this.#file.url, conditions, range, whole, signal);
    }
  }

  async #askAt(
    url: string,
    conditions: Readonly<Record<string, string>>,
    range: ByteRange,
    whole: boolean,
    signal: AbortSignal,
  ): Promise<OriginResponse> {
    const { url: start, requestHeaders } = this.#file;
    const request = { method: 'GET', start, url, requestHeaders, conditions } as const;
    const response = await sendRequest(this.#context, request, signal);
    const nowMs = this.#context.clock.wallMs();
    try {
      if (whole) checkWhole(response, this.#version, nowMs);
      else checkPart(response, range, this.#version, nowMs);
    } catch (error) {
      giveUp(response);
      throw error;
    }
    this.#currentUrl = response.url;
    const reason = forbiddenBy(response.headers, askerOf(this.#context, requestHeaders));
    if (reason !== null) this.#share = { allowed: false, reason };
    return response;
  }
}

function noRanges(url: string, what: string): NearbitsError {
  return originError('E_ORIGIN_NO_RANGES', url, what, { hint: 'Fetch the whole file in one piece.' });
}
