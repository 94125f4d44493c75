import { NearbitsError } from '../core/errors.ts';
import { parseOriginUrl } from '../core/url.ts';
import { describeUrl, originError } from './failure.ts';
import { singleHeader } from './headers.ts';
import type { ResponseHead } from './status.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether the answer sends the client to another URL (RFC 9110 section 15.4); without a Location it is an error like others. */
export function isRedirect(head: ResponseHead): boolean {
  return REDIRECTS.has(head.status) && singleHeader(head.headers, 'location') !== null;
}

/** The method after a redirect: 303 asks for the result with GET, and everybody turns POST into GET after 301 and 302 (RFC 9110 section 15.4). */
export function methodAfter(status: number, method: string): string {
  if (method === 'HEAD') return method;
  return status === 303 || (method === 'POST' && (status === 301 || status === 302)) ? 'GET' : method;
}

/** The error for a redirect that the job does not want to follow. */
export function redirectRefused(url: string, head: ResponseHead): NearbitsError {
  return originError('E_ORIGIN_STATUS', url, `redirects (${head.status}), which the job does not allow`, {
    details: { status: head.status },
    hint: 'Give the job the URL it redirects to, or let it follow redirects.',
  });
}

/**
 * The chain of URLs of one request; finds loops and counts.
 */
export class RedirectChain {
  readonly #seen: Set<string>;
  readonly #max: number;
  readonly #allowHttpsToHttp: boolean;
  #current: string;

  constructor(start: string, options: { readonly maxRedirects: number; readonly allowHttpsToHttp: boolean }) {
    this.#current = start;
    this.#seen = new Set([start]);
    this.#max = options.maxRedirects;
    this.#allowHttpsToHttp = options.allowHttpsToHttp;
  }

  /** The URL to ask now. */
  get current(): string {
    return this.#current;
  }

  /**
   * Moves to the URL a redirect names.
   * @throws NearbitsError E_ORIGIN_PROTOCOL for a loop, too many redirects, https to http, or no usable Location.
   */
  follow(head: ResponseHead): void {
    const next = this.#target(singleHeader(head.headers, 'location'), head.status);
    if (!this.#allowHttpsToHttp && this.#current.startsWith('https:') && !next.startsWith('https:')) {
      throw this.#fail(
        `redirects from https to ${describeUrl(next)}`,
        'Nothing is fetched over http that was asked for over https, unless the job allows it.',
      );
    }
    if (this.#seen.has(next)) throw this.#fail(`redirects in a loop (${this.#seen.size} URLs)`);
    if (this.#seen.size > this.#max) throw this.#fail(`redirects more than ${this.#max} times`);
    this.#seen.add(next);
    this.#current = next;
  }

  #target(location: string | null, status: number): string {
    const resolved = location === null ? null : URL.parse(location, this.#current);
    if (resolved === null) throw this.#fail(`answered ${status} without a usable Location`);
    try {
      return parseOriginUrl(resolved.href);
    } catch (error) {
      if (error instanceof NearbitsError) throw this.#fail(`redirects to a URL that cannot be used: ${error.message}`);
      throw error;
    }
  }

  #fail(message: string, hint?: string): NearbitsError {
    return originError('E_ORIGIN_PROTOCOL', this.#current, message, hint === undefined ? {} : { hint });
  }
}
