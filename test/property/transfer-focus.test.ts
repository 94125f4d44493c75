import { readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { PartFile } from '../../src/transfer/part-file.ts';
import { type Focus, Transfer } from '../../src/transfer/transfer.ts';
import { bytesContent } from '../support/origin-script.ts';
import { MIB, PartFixture, sha256 } from '../support/part-fixture.ts';
import { ScriptedSource } from '../support/scripted-source.ts';
import { tempDir } from '../support/temp-dir.ts';

const BYTES = 7 * MIB + 99;

/** Where the focus moves after so many chunks. */
interface Jump extends Focus {
  readonly afterChunks: number;
}

const offset = fc.nat(BYTES - 1);
const jump: fc.Arbitrary<Jump> = fc.record({
  afterChunks: fc.integer({ min: 1, max: 30 }),
  only: fc.option(
    fc.array(offset, { maxLength: 3 }).map((list) => RangeSet.of(...list.map((start) => ({ start, end: start + 1 })))),
  ),
  position: fc.oneof(fc.constant(0), offset),
});

/** A source that hands over chunk by chunk, and moves the focus when it is time. */
function pacedBy(jumps: Jump[], transfer: Transfer): () => Promise<void> {
  let chunks = 0;
  return async () => {
    await turn();
    const [next] = jumps;
    if (next === undefined || ++chunks < next.afterChunks) return;
    chunks = 0;
    jumps.shift();
    transfer.focus(next);
  };
}

async function fetchAll(file: PartFixture, part: PartFile, peers: readonly number[][], moves: Jump[]): Promise<void> {
  const signal = new AbortController().signal;
  const told: RangeSet[] = [];
  const quiet = { note: () => {}, onProgress: () => {}, onPeerFailed: () => {} };
  const onProven = (range: { start: number; end: number }) => told.push(RangeSet.of(range));
  const options = { originRetries: 0, originServesRanges: true };
  const transfer = new Transfer({ part, clock: systemClock, ...quiet, onProven }, options);
  const pace = pacedBy(moves, transfer);
  const content = bytesContent(file.content);
  const hashed = part.grid.map((piece) => ({ ...piece, hash: sha256(file.slice(piece)) }));
  for (const [index, cells] of peers.entries()) {
    const pieces = hashed.filter((_, cell) => cells.includes(cell));
    const source = new ScriptedSource(content, { id: `peer${index}`, pace });
    transfer.add({ source, offers: RangeSet.of(...pieces), pieces });
  }
  const origin = new ScriptedSource(content, { kind: 'origin', id: 'origin', pace });
  transfer.add({ source: origin, offers: RangeSet.of({ start: 0, end: BYTES }), pieces: null });
  transfer.allowOriginFrom(0);
  while (!part.isComplete) {
    await transfer.run(signal);
    // All that was asked for is there: the next one asks for all, as long as there is one.
    transfer.focus({ only: null, position: moves.shift()?.position ?? 0 });
  }
  expect(RangeSet.of(...told.flatMap((set) => set.ranges)).size).toBe(BYTES);
  expect(
    told.reduce((sum, set) => sum + set.size, 0),
    'every byte is told once',
  ).toBe(BYTES);
  if (peers.length === 0) expect(origin.bytesSent, 'no byte is fetched twice').toBe(BYTES);
}

describe('a transfer whose focus moves', () => {
  it('ends with all bytes, whoever reads where', async () => {
    const cells = fc.array(fc.array(fc.nat(7), { maxLength: 8 }), { maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(cells, fc.array(jump, { maxLength: 6 }), async (peers, jumps) => {
        await using dir = await tempDir();
        const file = new PartFixture(dir.path, BYTES);
        const part = await PartFile.open(file.target);
        await fetchAll(file, part, peers, [...jumps]);
        await part.seal();
        expect((await readFile(part.path)).equals(file.content)).toBe(true);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
