import type { Clock } from '../../core/clock.ts';
import type { Note } from '../../transfer/trace.ts';
import type { TraceEntry } from '../model/transfer-view.ts';

/** A trace keeps its first and its newest entries; what lies between is counted. */
const MAX_HEAD = 200;
const MAX_TAIL = 300;

/** What was decided about a job and why, in order and bounded. */
export class TraceLog {
  readonly #clock: Clock;
  readonly #head: TraceEntry[];
  readonly #tail: TraceEntry[] = [];
  #skipped = 0;

  constructor(clock: Clock, earlier: readonly TraceEntry[] = []) {
    this.#clock = clock;
    this.#head = [...earlier];
  }

  /** Adds a decision or a fact. */
  readonly note: Note = (code, text, data = {}) => {
    const entry = { atMs: this.#clock.wallMs(), code, text, data };
    if (this.#head.length < MAX_HEAD) this.#head.push(entry);
    else this.#tail.push(entry);
    if (this.#tail.length <= MAX_TAIL) return;
    this.#tail.shift();
    this.#skipped++;
  };

  /** All that is kept, oldest first. */
  entries(): TraceEntry[] {
    if (this.#skipped === 0) return [...this.#head, ...this.#tail];
    const gap = {
      atMs: this.#clock.wallMs(),
      code: 'SKIPPED',
      text: `${this.#skipped} entries are left out`,
      data: {},
    };
    return [...this.#head, gap, ...this.#tail];
  }
}
