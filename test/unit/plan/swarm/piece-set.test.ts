import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PieceSet, runsOf } from '../../../../src/plan/swarm/piece-set.ts';

const LENGTH = 100;
const moves = fc.array(fc.record({ piece: fc.integer({ min: -3, max: LENGTH + 3 }), isIn: fc.boolean() }));

describe('PieceSet', () => {
  it('holds what a set of numbers holds', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const set = new PieceSet(LENGTH);
        const model = new Set<number>();
        for (const { piece, isIn } of list) {
          if (!isIn) {
            set.delete(piece);
            model.delete(piece);
          } else {
            const isNew = piece >= 0 && piece < LENGTH && !model.has(piece);
            expect(set.add(piece)).toBe(isNew);
            if (isNew) model.add(piece);
          }
        }
        expect([...set]).toEqual([...model].sort((a, b) => a - b));
        expect(set.size).toBe(model.size);
        expect([...PieceSet.of(LENGTH, set.runs())]).toEqual([...set]);
      }),
    );
  });

  it('ignores what lies outside the file, also where a run comes from somebody hostile', () => {
    const set = new PieceSet(10);
    expect(set.addRun({ first: -5, end: 2 ** 40 })).toHaveLength(10);
    expect(set.isComplete).toBe(true);
    expect(set.addRun({ first: 7, end: 3 })).toEqual([]);
  });

  it('is written as the fewest runs', () => {
    expect(runsOf([0, 1, 2, 5, 7, 8])).toEqual([
      { first: 0, end: 3 },
      { first: 5, end: 6 },
      { first: 7, end: 9 },
    ]);
  });
});
