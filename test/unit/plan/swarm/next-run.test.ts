import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutFile } from '../../../../src/plan/swarm/file-runs.ts';
import type { Lease } from '../../../../src/plan/swarm/leases.ts';
import { nextRun, yieldsTo } from '../../../../src/plan/swarm/next-run.ts';
import { memberSeed, type Ranked } from '../../../../src/plan/swarm/weight.ts';

const MIB = 1024 * 1024;
const file = cutFile(64 * MIB, MIB, true);
const member = (id: string): Ranked => ({ id, seed: memberSeed('content', id) });
const members = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 20 })
  .map((ids) => ids.map(member));
const leaseOf = (holder: string, first: number, extra: Partial<Lease> = {}): Lease => ({
  holder,
  first,
  end: first + 4,
  position: first * MIB,
  ageMs: 0,
  takenOver: false,
  sinceMs: 0,
  heardMs: 0,
  movedMs: 0,
  ...extra,
});

describe('nextRun', () => {
  it('lets idle members with equal views begin different runs, and at least one begin something', () => {
    fc.assert(
      fc.property(members, fc.uniqueArray(fc.nat(63), { maxLength: 63 }), (idle, held) => {
        const isUncovered = (piece: number) => !held.includes(piece);
        const claims = idle.map((self) => nextRun({ file, self, idle, isUncovered, late: [] }));
        const begun = claims.filter((claim) => claim !== null);
        expect(begun.length).toBeGreaterThan(0);
        expect(new Set(begun.map(({ first }) => first)).size).toBe(begun.length);
        for (const { first, end } of begun) {
          for (let piece = first; piece < end; piece++) expect(isUncovered(piece)).toBe(true);
        }
      }),
    );
  });

  it('covers the whole file when each that is done begins the next', () => {
    fc.assert(
      fc.property(members, (idle) => {
        const got = new Set<number>();
        const isUncovered = (piece: number) => !got.has(piece);
        for (let round = 0; round < 200 && got.size < file.pieces; round++) {
          const claims = idle.map((self) => nextRun({ file, self, idle, isUncovered, late: [] }));
          for (const claim of claims) {
            for (let piece = claim?.first ?? 0; piece < (claim?.end ?? 0); piece++) {
              expect(got.has(piece)).toBe(false);
              got.add(piece);
            }
          }
        }
        expect(got.size).toBe(file.pieces);
      }),
      { numRuns: 30 },
    );
  });

  it('begins nothing when nothing is left', () => {
    const self = member('a');
    expect(nextRun({ file, self, idle: [self], isUncovered: () => false, late: [] })).toBeNull();
  });

  it('lets exactly one idle member go on for a late owner, at the piece in which that one is', () => {
    fc.assert(
      fc.property(members, (idle) => {
        const late = [leaseOf('late', 8, { position: 9 * MIB + 500 })];
        const claims = idle.map((self) => nextRun({ file, self, idle, isUncovered: () => false, late }));
        expect(claims.filter((claim) => claim !== null)).toEqual([{ first: 9, end: 12, takenOver: true }]);
      }),
    );
  });
});

describe('yieldsTo', () => {
  const a = member('a');
  const b = member('b');
  const both = (left: Partial<Lease>, right: Partial<Lease>) => {
    const mine = leaseOf('a', 0, left);
    const theirs = leaseOf('b', 0, right);
    return [yieldsTo(mine, theirs, { mine: a, theirs: b }, file), yieldsTo(theirs, mine, { mine: b, theirs: a }, file)];
  };

  it('lets exactly one of two go on, however they began', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), fc.boolean(), (left, right, takenOver) => {
        const [mine, theirs] = both({ sinceMs: left }, { sinceMs: right, takenOver });
        expect(mine).toBe(!theirs);
      }),
    );
  });

  it('lets the one go on that began clearly earlier', () => {
    expect(both({ sinceMs: 0 }, { sinceMs: 900 })).toEqual([false, true]);
    expect(both({ sinceMs: 900 }, { sinceMs: 0 })).toEqual([true, false]);
  });

  it('lets the last one go on of two that took over, because the first was late then', () => {
    expect(both({ sinceMs: 0, takenOver: true }, { sinceMs: 900, takenOver: true })).toEqual([true, false]);
  });

  it('does not care about leases of other pieces', () => {
    expect(yieldsTo(leaseOf('a', 0), leaseOf('b', 4), { mine: a, theirs: b }, file)).toBe(false);
  });
});
