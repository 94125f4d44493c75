import type { ByteSink } from '../core/source.ts';
import { parseOriginUrl } from '../core/url.ts';
import { type DocumentOptions, fetchDocument } from './fetch-document.ts';
import { fetchWhole, type WholeFile } from './fetch-whole.ts';
import type { RequestHeaders } from './headers.ts';
import type { OriginFile } from './origin-file.ts';
import { OriginSource } from './origin-source.ts';
import { probeOrigin, unasked } from './probe.ts';
import type { RequestContext } from './request-context.ts';
import { checkRequestHeaders } from './request-headers.ts';

/** Talks HTTP to origins with the settings of one job: asks what they hold and fetches it. */
export class OriginSession implements AsyncDisposable {
  readonly #context: RequestContext;
  readonly #end: () => Promise<void>;
  #closed: Promise<void> | null = null;

  /** `end` gives up what belongs to this session alone. */
  constructor(context: RequestContext, end: () => Promise<void>) {
    this.#context = context;
    this.#end = end;
  }

  /**
   * Asks the origin which version of the file it holds. A job with another method than GET asks nothing: its files have no
   * known size and are for {@link fetchWhole}; the same holds with `ask: false`, for content that is made anew for each
   * request. `requestHeaders` come on top of those of the job.
   * @throws NearbitsError E_INVALID_URL, E_INVALID_ARGUMENT for bad request headers, an E_ORIGIN_ code,
   * ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED, or E_CANCELLED.
   */
  async probe(
    url: string,
    options: { readonly signal: AbortSignal; readonly requestHeaders?: RequestHeaders; readonly ask?: boolean },
  ): Promise<OriginFile> {
    const requestHeaders = { ...this.#context.job.headers, ...checkRequestHeaders(options.requestHeaders ?? {}) };
    const target = { url: parseOriginUrl(url), requestHeaders };
    if (options.ask === false) return unasked(this.#context, target);
    return await probeOrigin(this.#context, target, options.signal);
  }

  /**
   * A source of ranges of this version of the file.
   * @throws NearbitsError E_ORIGIN_NO_RANGES when the size is unknown.
   */
  source(file: OriginFile): OriginSource {
    return new OriginSource(this.#context, file);
  }

  /** Fetches the file in one request, for origins without ranges or without a size; errors as {@link fetchWhole} of fetch-whole.ts. */
  async fetchWhole(file: OriginFile, sink: ByteSink, signal: AbortSignal): Promise<WholeFile> {
    return await fetchWhole(this.#context, file, sink, signal);
  }

  /** Fetches a small document that the origin named about `file`; see {@link fetchDocument} for its rules and errors. */
  async fetchDocument(file: OriginFile, url: string, options: Omit<DocumentOptions, 'namedBy'>): Promise<Uint8Array> {
    return await fetchDocument(this.#context, file, url, { ...options, namedBy: 'origin' });
  }

  /** The same for a document that the job names about the file at `fileUrl`, which nobody was asked for yet. */
  async fetchGivenDocument(
    fileUrl: string,
    url: string,
    options: Omit<DocumentOptions, 'namedBy'>,
  ): Promise<Uint8Array> {
    const subject = { url: fileUrl, finalUrl: fileUrl, requestHeaders: this.#context.job.headers };
    return await fetchDocument(this.#context, subject, url, { ...options, namedBy: 'job' });
  }

  /** Ends the connections that belong to this session alone; requests under way on them fail. Idempotent. */
  async close(): Promise<void> {
    this.#closed ??= this.#end();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
