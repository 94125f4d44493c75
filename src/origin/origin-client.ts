import type { Clock } from '../core/clock.ts';
import type { ByteSink } from '../core/source.ts';
import { parseOriginUrl } from '../core/url.ts';
import type { Logger } from '../observe/log.ts';
import { createDispatcher } from './dispatcher.ts';
import { fetchWhole, type WholeFile } from './fetch-whole.ts';
import type { RequestHeaders } from './headers.ts';
import { defaultOriginOptions, type OriginOptions } from './options.ts';
import type { OriginFile } from './origin-file.ts';
import { OriginSource } from './origin-source.ts';
import { probeOrigin } from './probe.ts';
import { checkRequestHeaders } from './request-headers.ts';
import type { RequestContext } from './send-request.ts';

export type { OriginFile } from './origin-file.ts';

/** Talks HTTP to origins: asks what they hold and fetches it. */
export class OriginClient {
  readonly #context: RequestContext;
  #closed: Promise<void> | null = null;

  /**
   * Opens no connection yet.
   * @throws NearbitsError E_CONFIG when the proxy, chosen or from the environment, is no URL.
   */
  constructor(deps: { readonly clock: Clock; readonly log: Logger }, options: Partial<OriginOptions> = {}) {
    const all = { ...defaultOriginOptions, ...options };
    this.#context = { clock: deps.clock, log: deps.log, options: all, dispatcher: createDispatcher(all) };
  }

  /**
   * Asks the origin which version of the file it holds.
   * @throws NearbitsError E_INVALID_URL, E_INVALID_ARGUMENT for bad request headers, an E_ORIGIN_ code, or E_CANCELLED.
   */
  async probe(
    url: string,
    options: { readonly signal: AbortSignal; readonly requestHeaders?: RequestHeaders },
  ): Promise<OriginFile> {
    const requestHeaders = checkRequestHeaders(options.requestHeaders ?? {});
    return await probeOrigin(this.#context, { url: parseOriginUrl(url), requestHeaders }, options.signal);
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

  /** Ends all connections; requests under way fail. Idempotent. */
  async close(): Promise<void> {
    this.#closed ??= this.#context.dispatcher.destroy();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
