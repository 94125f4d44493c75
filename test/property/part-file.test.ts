import { truncate } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeSet } from '../../src/core/range-set.ts';
import { PartFile, type PartOptions } from '../../src/transfer/part-file.ts';
import { damage, MIB, PartFixture } from '../support/part-fixture.ts';
import { tempDir } from '../support/temp-dir.ts';

const BYTES = 5 * MIB + 321;

/** What happens to a part file, in any order. Offsets are shares of the file in thousandths. */
type Move =
  | { readonly do: 'peer'; readonly piece: number }
  | { readonly do: 'lie'; readonly piece: number }
  | { readonly do: 'origin'; readonly length: number }
  | { readonly do: 'pause' | 'close' | 'kill' | 'abort' }
  | { readonly do: 'damage' | 'cut'; readonly at: number };

const share = fc.integer({ min: 1, max: 999 });
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('origin' as const), length: share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('peer' as const), piece: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lie' as const), piece: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'close', 'kill', 'abort') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('damage' as const, 'cut'), at: share }) },
);

/** Plays the moves and keeps account of what must not be lost. */
class Player {
  readonly #file: PartFixture;
  #part: PartFile;
  #kept: RangeSet;

  private constructor(file: PartFixture, part: PartFile) {
    this.#file = file;
    this.#part = part;
    this.#kept = RangeSet.empty;
  }

  static async open(file: PartFixture): Promise<Player> {
    return new Player(file, await PartFile.open(file.target));
  }

  async play(next: Move): Promise<void> {
    await this.#act(next);
    const { written, proven, wanted } = this.#part;
    expect(await this.#file.isTrue(this.#part), 'all that is named lies on the disk').toBe(true);
    expect(written.coversAll(this.#kept), 'nothing is lost').toBe(true);
    expect(written.coversAll(proven) && wanted.coversAll(written)).toBe(true);
    this.#kept = written;
  }

  async end(): Promise<void> {
    await this.#part.discard();
  }

  async #act(next: Move): Promise<void> {
    switch (next.do) {
      case 'origin':
        return this.#originSends(Math.ceil((next.length * BYTES) / 3000));
      case 'peer':
        return this.#peerSends(next.piece);
      case 'lie':
        return this.#peerLies(next.piece);
      case 'pause':
        return this.#reopen({ warm: await this.#part.suspend() });
      case 'close':
        await this.#part.close();
        return this.#reopen();
      case 'kill':
        return this.#killed();
      case 'abort':
        return this.#aborted();
      case 'damage':
      case 'cut':
        return this.#spoilt(next.do, Math.floor((next.at * BYTES) / 1000));
    }
  }

  // The origin goes on at the first byte that is not there, as the planner tells it to.
  async #originSends(length: number): Promise<void> {
    const first = this.#part.wanted.subtract(this.#part.written).ranges[0];
    if (first === undefined) return;
    const range = { start: first.start, end: Math.min(first.end, first.start + length) };
    await this.#file.send(this.#part, range);
  }

  async #peerSends(index: number): Promise<void> {
    const piece = this.#part.grid[index % this.#part.grid.length];
    if (piece === undefined || this.#part.proven.covers(piece)) return;
    this.#forget(piece);
    await this.#file.put(this.#part, piece);
  }

  // Bytes that turn out wrong are on the disk when that is noticed, and are not committed.
  async #peerLies(index: number): Promise<void> {
    const piece = this.#part.grid[index % this.#part.grid.length];
    if (piece === undefined) return;
    this.#forget(piece);
    await this.#part.write([Buffer.alloc(piece.end - piece.start, 0x5a)], piece.start);
  }

  #forget(piece: { readonly start: number; readonly end: number }): void {
    this.#part.forgetHeads(piece);
    const heads = RangeSet.of(piece).subtract(this.#part.proven);
    this.#kept = this.#kept.subtract(heads);
  }

  // Nothing is closed in an orderly way: the next process finds the files as they are.
  async #killed(): Promise<void> {
    const dead = this.#part;
    await this.#reopen();
    await dead.close();
  }

  async #aborted(): Promise<void> {
    await this.#part.close();
    const stop = new AbortController();
    const opening = PartFile.open(this.#file.target, { signal: stop.signal });
    setImmediate(() => stop.abort());
    await opening.then(
      (part) => part.close(),
      (error: unknown) => expect(error).toMatchObject({ code: 'E_CANCELLED' }),
    );
    await this.#reopen();
  }

  async #spoilt(how: 'damage' | 'cut', at: number): Promise<void> {
    await this.#part.close();
    if (how === 'cut') await truncate(this.#file.partPath, at);
    else await damage(this.#file.partPath, at);
    const { pieceSize } = this.#part;
    const from = Math.floor(at / pieceSize) * pieceSize;
    const spoilt = { start: from, end: how === 'cut' ? BYTES : from + pieceSize };
    this.#kept = this.#kept.subtract(RangeSet.of(spoilt));
    await this.#reopen();
  }

  async #reopen(options: PartOptions = {}): Promise<void> {
    this.#part = await PartFile.open(this.#file.target, options);
  }
}

describe('a part file', () => {
  it.each<[string, number | null]>([
    ['of 1 MiB', null],
    ['of 2 MiB', 16],
  ])(
    'names only what lies on the disk and loses nothing, whatever happens to it: pieces %s',
    async (_, ofGib) => {
      await fc.assert(
        fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 12 }), async (moves) => {
          await using dir = await tempDir();
          const player = await Player.open(new PartFixture(dir.path, BYTES, ofGib));
          for (const next of moves) await player.play(next);
          await player.end();
        }),
        { numRuns: 30 },
      );
    },
    60_000,
  );
});
