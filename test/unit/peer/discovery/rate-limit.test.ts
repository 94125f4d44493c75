import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { SourceLimiter, TokenBucket } from '../../../../src/peer/discovery/rate-limit.ts';
import { RecentIds } from '../../../../src/peer/discovery/recent-ids.ts';

const countTaken = (times: number, take: () => boolean) => Array.from({ length: times }, take).filter(Boolean).length;

it('a bucket gives its burst, then its rate', () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ clock }, { burst: 5, perSecond: 2 });
  expect(countTaken(100, () => bucket.take())).toBe(5);
  clock.advance(1_000);
  expect(countTaken(100, () => bucket.take())).toBe(2);
  clock.advance(3_600_000);
  expect(countTaken(100, () => bucket.take())).toBe(5);
});

describe('a source limiter', () => {
  const rates = { perSource: { burst: 10, perSecond: 1 }, total: { burst: 25, perSecond: 5 }, maxSources: 3 };

  it('limits each source and all of them together', () => {
    const limiter = new SourceLimiter({ clock: new ManualClock() }, rates);
    expect(countTaken(100, () => limiter.take('a'))).toBe(10);
    expect(countTaken(100, () => limiter.take('b'))).toBe(10);
    expect(countTaken(100, () => limiter.take('c'))).toBe(5);
  });

  it('remembers a bounded number of sources and forgets the silent one first', () => {
    const limiter = new SourceLimiter({ clock: new ManualClock() }, { ...rates, total: { burst: 1e6, perSecond: 0 } });
    expect(countTaken(20, () => limiter.take('loud'))).toBe(10);
    for (let index = 0; index < 10; index++) {
      limiter.take(`other ${index}`);
      expect(limiter.take('loud')).toBe(false);
    }
  });
});

it('recent ids know repeats and forget the oldest', () => {
  const ids = new RecentIds(2);
  expect([ids.add('a'), ids.add('a'), ids.add('b'), ids.add('c'), ids.add('a')]).toEqual([
    true,
    false,
    true,
    true,
    true,
  ]);
});
