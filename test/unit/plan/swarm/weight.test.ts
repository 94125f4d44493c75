import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bySeat, memberSeed, ownerOf, type Ranked } from '../../../../src/plan/swarm/weight.ts';

const member = (id: string): Ranked => ({ id, seed: memberSeed('content', id) });
const members = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 40 })
  .map((ids) => ids.map(member));

describe('ownerOf', () => {
  it('is the same whatever the order in which a node knows the members', () => {
    fc.assert(
      fc.property(members, fc.nat(10_000), fc.infiniteStream(fc.nat()), (known, run, _) => {
        const shuffled = [...known].reverse();
        expect(ownerOf(run, shuffled)).toBe(ownerOf(run, known));
      }),
    );
  });

  it('moves only the runs of a member that goes', () => {
    fc.assert(
      fc.property(members, fc.nat(1000), (known, pick) => {
        const gone = known[pick % known.length] as Ranked;
        const left = known.filter((it) => it !== gone);
        for (let run = 0; run < 30; run++) {
          const before = ownerOf(run, known);
          if (before !== gone) expect(ownerOf(run, left)).toBe(before);
        }
      }),
    );
  });

  it('moves only to a newcomer what moves at all when one comes', () => {
    fc.assert(
      fc.property(members, (known) => {
        const newcomer = member('a newcomer with a long id');
        for (let run = 0; run < 30; run++) {
          const after = ownerOf(run, [...known, newcomer]);
          if (after !== newcomer) expect(after).toBe(ownerOf(run, known));
        }
      }),
    );
  });

  it('takes the smaller id where two weigh the same, and nobody among nobody', () => {
    const twins = [
      { id: 'b', seed: 7 },
      { id: 'a', seed: 7 },
    ];
    expect(ownerOf(3, twins)?.id).toBe('a');
    expect(ownerOf(3, [...twins].reverse())?.id).toBe('a');
    expect(ownerOf(3, [])).toBeNull();
  });

  it('gives each of 16 members about a sixteenth of many runs', () => {
    const known = Array.from({ length: 16 }, (_, index) => member(`node-${index}`));
    const counts = new Map<string, number>();
    for (let run = 0; run < 16_000; run++) {
      const { id } = ownerOf(run, known) as Ranked;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect(counts.size).toBe(16);
    expect(Math.min(...counts.values())).toBeGreaterThan(800);
    expect(Math.max(...counts.values())).toBeLessThan(1200);
  });
});

describe('bySeat', () => {
  it('orders all members, and differently for another content', () => {
    const ids = Array.from({ length: 20 }, (_, index) => `node-${index}`);
    const order = (content: string) =>
      ids
        .map((id) => ({ id, seed: memberSeed(content, id) }))
        .sort(bySeat)
        .map(({ id }) => id);
    expect(order('one')).toEqual(order('one'));
    expect(order('one')).not.toEqual(order('two'));
  });
});
