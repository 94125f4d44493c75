import type { TransferId } from '../core/ids.ts';
import type { Database, Table } from '../store/database.ts';
import type { TransferJob } from './transfer-job.ts';
import { MAX_ENDED_TRANSFERS, TraceRecord, TransferRecord } from './transfer-record.ts';
import { isFinal, type TraceEntry, type TransferView } from './view.ts';

/** Keeps transfers and their traces over restarts. */
export class TransferStore {
  readonly #records: Table<TransferRecord>;
  readonly #traces: Table<TraceRecord>;

  constructor(database: Database) {
    this.#records = database.table('transfers', TransferRecord);
    this.#traces = database.table('traces', TraceRecord);
  }

  /** Every transfer the node remembers, oldest first; only the newest {@link MAX_ENDED_TRANSFERS} ended ones stay. */
  async load(): Promise<TransferRecord[]> {
    const all: TransferRecord[] = [];
    for await (const [, record] of this.#records.entries()) all.push(record);
    all.sort((a, b) => a.view.createdMs - b.view.createdMs);
    const ended = all.filter((record) => isFinal(record.view.state));
    const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - MAX_ENDED_TRANSFERS)));
    for (const record of forgotten) await this.forget(record.view.id as TransferId);
    return all.filter((record) => !forgotten.has(record));
  }

  /** Stores how the transfer stands. */
  async save(job: TransferJob, handingOver: boolean): Promise<void> {
    await this.#records.put(job.id, { format: 1, request: job.request, view: job.view(), handingOver });
    await this.#traces.put(job.id, job.trace());
  }

  async trace(id: TransferId): Promise<TraceEntry[]> {
    return (await this.#traces.get(id)) ?? [];
  }

  async forget(id: TransferId): Promise<void> {
    await this.#records.delete(id);
    await this.#traces.delete(id);
  }
}

/** The view of a stored transfer whose sharing was cut short by the end of the process. */
export function settledView(view: TransferView): TransferView {
  if (view.sharing !== 'pending' || !isFinal(view.state)) return view;
  return { ...view, sharing: 'not-shared', sharingReason: 'the node stopped before it could be put into the cache' };
}
