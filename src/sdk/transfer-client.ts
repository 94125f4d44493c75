import { Trace, TransferList } from '../api/views.ts';
import type { TransferId } from '../core/ids.ts';
import { type TraceEntry, type TransferRequestInput, TransferView } from '../job/model/transfer-view.ts';
import type { CallOptions, TransferAccess } from './access.ts';
import type { ApiConnection } from './connection.ts';
import { openEvents } from './events.ts';
import { watchTransfer } from './watch.ts';

/** The transfers of a node. */
export class TransferClient implements TransferAccess {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  /** Begins to fetch a URL into a file; resolves when the transfer is accepted. */
  start(request: TransferRequestInput, { signal }: CallOptions = {}): Promise<TransferView> {
    return this.#connection.call({
      method: 'POST',
      path: '/v1/transfers',
      body: request,
      answer: TransferView,
      signal,
    });
  }

  /** Transfers the node remembers, newest first. */
  async list({ signal }: CallOptions = {}): Promise<TransferView[]> {
    const call = { method: 'GET', path: '/v1/transfers', answer: TransferList, signal } as const;
    return (await this.#connection.call(call)).transfers;
  }

  /** One transfer. */
  get(id: string, { signal }: CallOptions = {}): Promise<TransferView> {
    return this.#connection.call({ method: 'GET', path: transferPath(id), answer: TransferView, signal });
  }

  /** One transfer, once it ended and it is decided whether it is shared. */
  settled(id: string, { signal }: CallOptions = {}): Promise<TransferView> {
    const query = { wait: 'settled' };
    return this.#connection.call({ method: 'GET', path: transferPath(id), query, answer: TransferView, signal });
  }

  /** Every decision of a transfer with its reason, oldest first. */
  async trace(id: string, { signal }: CallOptions = {}): Promise<TraceEntry[]> {
    const call = { method: 'GET', path: `${transferPath(id)}/trace`, answer: Trace, signal } as const;
    return (await this.#connection.call(call)).entries;
  }

  /** Stops a transfer; one that ended stays as it is. */
  cancel(id: string, { signal }: CallOptions = {}): Promise<TransferView> {
    return this.#connection.call({ method: 'DELETE', path: transferPath(id), answer: TransferView, signal });
  }

  /**
   * The transfer as it stands now, after each step, and at last as it ended. Ending the loop ends the watching, not
   * the transfer.
   */
  async *watch(id: string, { signal }: CallOptions = {}): AsyncGenerator<TransferView> {
    const over = new AbortController();
    const until = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    try {
      const events = await openEvents(this.#connection, { transfer: id }, until);
      const source = {
        events,
        get: () => this.get(id, { signal: until }),
        settled: () => this.settled(id, { signal: until }),
      };
      yield* watchTransfer(source, id as TransferId); // the node checked the id when it took the filter
    } finally {
      over.abort();
    }
  }
}

function transferPath(id: string): string {
  return `/v1/transfers/${encodeURIComponent(id)}`;
}
