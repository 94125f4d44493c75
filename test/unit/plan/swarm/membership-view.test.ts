import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/random.ts';
import { MembershipView, VIEW_LIMITS } from '../../../../src/plan/swarm/membership-view.ts';

const viewOf = (self: string, seed = 1) =>
  new MembershipView({ contentId: 'content', self, random: seededRandom(seed) });
const many = Array.from({ length: 500 }, (_, index) => `node-${index}`);
const seatsOf = (view: MembershipView) => view.seats.map(({ id }) => id);

describe('MembershipView', () => {
  it('stays small, and keeps the same seats whatever the order of hearing', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(many, { minLength: 500 }), fc.nat(), (order, seed) => {
        const view = viewOf('self', seed);
        for (const id of order) view.hear(id, 0);
        const other = viewOf('self', seed + 1);
        for (const id of many) other.hear(id, 0);
        expect(view.size).toBe(VIEW_LIMITS.seats + VIEW_LIMITS.spares + VIEW_LIMITS.others);
        expect(seatsOf(view)).toEqual(seatsOf(other));
      }),
      { numRuns: 20 },
    );
  });

  it('counts itself among the seats while few are known', () => {
    const view = viewOf('self');
    expect(seatsOf(view)).toEqual(['self']);
    view.hear('a', 0);
    expect(view.isSeat('self')).toBe(true);
    expect(view.isSeat('a')).toBe(true);
  });

  it('gives the seat of one that went to the next best', () => {
    const view = viewOf('self');
    for (const id of many) view.hear(id, 0);
    const before = seatsOf(view);
    const gone = before.find((id) => id !== 'self') as string;
    view.forget(gone, 10);
    const after = seatsOf(view);
    expect(after).toHaveLength(VIEW_LIMITS.seats);
    expect(after.filter((id) => before.includes(id))).toHaveLength(VIEW_LIMITS.seats - 1);
  });

  it('does not believe old news of one that went, but new ones', () => {
    const view = viewOf('self');
    view.hear('a', 0);
    view.forget('a', 100);
    view.hear('a', 100);
    expect(view.has('a')).toBe(false);
    view.hear('a', 101);
    expect(view.has('a')).toBe(true);
  });

  it('never takes back who was banned, however many come and go', () => {
    const view = viewOf('self');
    view.forget('offender', Number.POSITIVE_INFINITY);
    for (const id of many) view.forget(id, 5);
    view.hear('offender', 1e9);
    expect(view.has('offender')).toBe(false);
  });

  it('forgets the silent', () => {
    const view = viewOf('self');
    view.hear('a', 0);
    view.hear('b', 5_000);
    view.expire(VIEW_LIMITS.silentMs + 1);
    expect([view.has('a'), view.has('b')]).toEqual([false, true]);
  });
});
