import { Nothing } from '../api/nothing.ts';
import { CachePage, CacheRecordView, RemoveResult, VerifyReport } from '../api/views.ts';
import type { CacheAccess, CallOptions } from './access.ts';
import type { ApiConnection } from './connection.ts';

/** The cache of a node. */
export class CacheClient implements CacheAccess {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  /** Records in the order of their ids, page by page as they are asked for; only those of `url` when it is given. */
  async *list({
    url,
    signal,
  }: CallOptions & { readonly url?: string | undefined } = {}): AsyncGenerator<CacheRecordView> {
    let after: string | undefined;
    do {
      const call = { method: 'GET', path: '/v1/cache', query: { url, after }, answer: CachePage, signal } as const;
      const page: CachePage = await this.#connection.call(call);
      yield* page.records;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  /** One record. */
  get(id: string, { signal }: CallOptions = {}): Promise<CacheRecordView> {
    return this.#connection.call({ method: 'GET', path: recordPath(id), answer: CacheRecordView, signal });
  }

  /** Removes one record; E_BUSY while it is in use. */
  async remove(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#connection.call({ method: 'DELETE', path: recordPath(id), answer: Nothing, signal });
  }

  /** Removes all records of one URL that are not in use. */
  removeUrl(url: string, { signal }: CallOptions = {}): Promise<RemoveResult> {
    return this.#connection.call({ method: 'DELETE', path: '/v1/cache', query: { url }, answer: RemoveResult, signal });
  }

  /** Removes all records that are not in use. */
  clear({ signal }: CallOptions = {}): Promise<RemoveResult> {
    return this.#connection.call({ method: 'DELETE', path: '/v1/cache', answer: RemoveResult, signal });
  }

  /** Compares every record with its hashes; damaged ones are removed. */
  verify({ signal }: CallOptions = {}): Promise<VerifyReport> {
    return this.#connection.call({ method: 'POST', path: '/v1/cache/verify', answer: VerifyReport, signal });
  }
}

function recordPath(id: string): string {
  return `/v1/cache/${encodeURIComponent(id)}`;
}
