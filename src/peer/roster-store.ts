import type { NodeId } from '../core/ids.ts';
import type { Logger } from '../observe/log.ts';
import type { RosterEntry, RosterRecord } from './roster-entry.ts';

/** The part of a store table that the roster needs; keys are node ids. */
export interface RosterTable {
  put(key: string, record: RosterRecord): Promise<void>;
  delete(key: string): Promise<void>;
  entries(): AsyncIterable<readonly [string, RosterRecord]>;
}

/**
 * Writes the roster behind its back: changes are gathered while a write is on its way, so that a storm of hints costs
 * one write per peer and not one per hint. A failed write is logged and forgotten; the roster is only a hint.
 */
export class RosterStore {
  readonly #table: RosterTable;
  readonly #log: Logger;
  readonly #read: (nodeId: NodeId) => RosterEntry | undefined;
  readonly #dirty = new Set<NodeId>();
  #writing: Promise<void> | null = null;

  /** `read` gives the entry as it is at the time of writing, undefined when it is gone. */
  constructor(
    deps: { readonly table: RosterTable; readonly log: Logger },
    read: (nodeId: NodeId) => RosterEntry | undefined,
  ) {
    this.#table = deps.table;
    this.#log = deps.log;
    this.#read = read;
  }

  /** Reads what is kept; what cannot be read is left out. */
  async load(): Promise<RosterRecord[]> {
    const records: RosterRecord[] = [];
    try {
      for await (const [, record] of this.#table.entries()) records.push(record);
    } catch (error) {
      this.#log.warn({ err: error }, 'the peer list could not be read; it starts empty');
    }
    return records;
  }

  /** Has the entry written, or deleted, soon. */
  changed(nodeId: NodeId): void {
    this.#dirty.add(nodeId);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything changed so far is written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Lets the caller finish its change first.
    await Promise.resolve();
    for (const nodeId of this.#dirty) {
      this.#dirty.delete(nodeId);
      await this.#write(nodeId);
    }
    this.#writing = null;
  }

  async #write(nodeId: NodeId): Promise<void> {
    const entry = this.#read(nodeId);
    try {
      if (entry === undefined) await this.#table.delete(nodeId);
      else await this.#table.put(nodeId, toRecord(entry));
    } catch (error) {
      this.#log.warn({ err: error, nodeId }, 'a peer could not be written to the peer list');
    }
  }
}

function toRecord(entry: RosterEntry): RosterRecord {
  const { nodeId, instance, authenticatedUntilMs, firstSeenMs, lastSeenMs } = entry;
  return {
    nodeId,
    addresses: entry.addresses.map((address) => ({ ...address })),
    instance,
    authenticatedUntilMs,
    firstSeenMs,
    lastSeenMs,
  };
}
