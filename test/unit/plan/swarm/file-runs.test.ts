import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pieceSizeFor } from '../../../../src/core/pieces.ts';
import { cutFile, MAX_RUN_BYTES, MIN_RUN_BYTES, piecesOf, runOf } from '../../../../src/plan/swarm/file-runs.ts';

const MIB = 1024 * 1024;

describe('cutFile', () => {
  it('puts each piece in exactly one run, and runs are long but not too long', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 64 * 1024 * MIB }), (size) => {
        const file = cutFile(size, pieceSizeFor(size), true);
        const bytes = file.piecesPerRun * file.pieceSize;
        expect(bytes).toBeGreaterThanOrEqual(Math.min(MIN_RUN_BYTES, bytes));
        expect(bytes).toBeLessThanOrEqual(Math.max(MAX_RUN_BYTES, file.pieceSize));
        expect(piecesOf(0, file).first).toBe(0);
        expect(piecesOf(file.runs - 1, file).end).toBe(file.pieces);
        const last = piecesOf(file.runs - 1, file);
        expect([runOf(last.first, file), runOf(last.end - 1, file)]).toEqual([file.runs - 1, file.runs - 1]);
      }),
    );
  });

  it.each([
    [3 * MIB, 1, 4],
    [64 * MIB, 16, 4],
    [512 * MIB, 64, 8],
    [4096 * MIB, 256, 16],
  ])('cuts %d bytes in %d runs of %d MiB', (size, runs, mib) => {
    const file = cutFile(size, MIB, true);
    expect([file.runs, file.piecesPerRun]).toEqual([runs, mib]);
  });

  it('leaves a file whose pieces cannot be proven in one run', () => {
    expect(cutFile(512 * MIB, MIB, false)).toMatchObject({ runs: 1, piecesPerRun: 512 });
  });
});
