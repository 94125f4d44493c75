import { NearbitsError } from '../core/errors.ts';
import { parseOriginUrl } from '../core/url.ts';
import { describeUrl, originError } from './failure.ts';
import { singleHeader } from './headers.ts';
import type { ResponseHead } from './status.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether the answer sends the client to another URL (RFC 9110 section 15.4); HEAD and GET stay what they are. */
export function isRedirect(head: ResponseHead): boolean {
  return REDIRECTS.has(head.status);
}

/**
 * The chain of URLs of one request; finds loops and counts.
 */
export class RedirectChain {
  readonly #seen: Set<string>;
  readonly #max: number;
  #current: string;

  constructor(start: string, maxRedirects: number) {
    this.#current = start;
    this.#seen = new Set([start]);
    this.#max = maxRedirects;
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
    if (this.#current.startsWith('https:') && !next.startsWith('https:')) {
      throw this.#fail(
        `redirects from https to ${describeUrl(next)}`,
        'Nothing is fetched over http that was asked for over https.',
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
