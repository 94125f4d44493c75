import type { RosterRecord } from '../../src/peer/roster-entry.ts';
import type { RosterTable } from '../../src/peer/roster-store.ts';

/** A roster table in memory that keeps what JSON keeps, as the store does. */
export class MemoryTable implements RosterTable {
  readonly records = new Map<string, string>();

  async put(key: string, record: RosterRecord): Promise<void> {
    this.records.set(key, JSON.stringify(record));
  }

  async delete(key: string): Promise<void> {
    this.records.delete(key);
  }

  async *entries(): AsyncIterable<readonly [string, RosterRecord]> {
    for (const [key, json] of this.records) yield [key, JSON.parse(json)];
  }
}
