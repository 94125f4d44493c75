import type { FileHandle } from 'node:fs/promises';
import type { SealMark } from '../core/file-identity.ts';
import { type JournalHeader, type JournalLine, printHeader, printLine, printSeal } from './journal-format.ts';
import { openPart } from './part-paths.ts';
import type { PlacedLine } from './read-journal.ts';
import { WriteQueue } from './write-queue.ts';

/** The URL may hold a secret. */
const MODE = 0o600;

/**
 * Remembers beside a part file which bytes are written and what they hashed to. Nothing in it is believed: on resume
 * all bytes are hashed again, so that no fsync is needed while bytes arrive and a torn line does no harm.
 *
 * A piece that grows is entered again and again. It has at most two lines, and the older one is overwritten, so that
 * one of them is whole at every moment and the journal stays small however large the file is.
 */
export class PartJournal {
  readonly #file: FileHandle;
  readonly #queue: WriteQueue;
  /** Where the lines of unfinished pieces lie, the oldest one first. */
  readonly #places = new Map<number, number[]>();
  #end = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
    this.#queue = new WriteQueue(file);
  }

  /** Starts a new journal, replacing what is there. */
  static async create(path: string, header: JournalHeader): Promise<PartJournal> {
    const journal = new PartJournal(await openPart(path, true, MODE));
    return journal.#begin(() => journal.#append(`${printHeader(header)}\n`));
  }

  /** Opens an existing journal to add to it; `lines` are those that were read from it. */
  static async append(path: string, lines: readonly PlacedLine[]): Promise<PartJournal> {
    const journal = new PartJournal(await openPart(path, false, MODE));
    // Of two lines of one piece the longer one is the newer one, wherever it lies.
    for (const { start, position } of [...lines].sort((a, b) => a.end - b.end)) {
      if (position !== null) journal.#placesOf(start).push(position);
    }
    return journal.#begin(() => journal.#endTornLine());
  }

  /** Enters bytes of the piece that begins at `line.start`; call only after they are written. */
  async add(line: JournalLine): Promise<void> {
    const places = this.#placesOf(line.start);
    const older = places.length < 2 ? undefined : places.shift();
    places.push(older ?? this.#end);
    if (older === undefined) await this.#append(printLine(line));
    else await this.#write(printLine(line), older);
  }

  /** The piece that begins at `start` is complete and gets no more lines. */
  finish(start: number): void {
    this.#places.delete(start);
  }

  /** Notes which file on disk is complete. */
  async seal(mark: SealMark): Promise<void> {
    await this.#append(printSeal(mark));
  }

  /** Waits for what was added and closes the file. */
  async close(): Promise<void> {
    await this.#queue.idle();
    await this.#file.close();
  }

  async #begin(first: () => Promise<void>): Promise<PartJournal> {
    try {
      await first();
      return this;
    } catch (error) {
      await this.#file.close();
      throw error;
    }
  }

  // A torn line of the process that died must not swallow the first line of this one.
  async #endTornLine(): Promise<void> {
    this.#end = (await this.#file.stat()).size;
    const last = await this.#file.read(Buffer.alloc(1), 0, 1, this.#end - 1);
    if (last.buffer[0] !== 0x0a) await this.#append('\n');
  }

  #placesOf(start: number): number[] {
    const places = this.#places.get(start) ?? [];
    this.#places.set(start, places);
    return places;
  }

  async #append(text: string): Promise<void> {
    const position = this.#end;
    this.#end += Buffer.byteLength(text);
    await this.#write(text, position);
  }

  async #write(text: string, position: number): Promise<void> {
    await this.#queue.write([Buffer.from(text)], position);
  }
}
