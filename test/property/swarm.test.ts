import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { play } from '../support/swarm/scenarios.ts';

const MIB = 1024 * 1024;

// Any small office on a bad day. Nothing here waits: time is simulated.
const world = fc.record({
  nodes: fc.integer({ min: 2, max: 10 }),
  mib: fc.integer({ min: 1, max: 24 }),
  anchored: fc.boolean(),
  joinOverMs: fc.constantFrom(0, 300, 5_000),
  hears: fc.constantFrom(0, 0.3, 0.9, 1),
  rosterPart: fc.constantFrom(null, null, 0.5, 1),
  deaths: fc.array(fc.record({ node: fc.integer({ min: 1, max: 9 }), atMs: fc.nat(6_000) }), { maxLength: 6 }),
  slow: fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 5, max: 2_000 })), { maxLength: 3 }),
  bad: fc.array(fc.nat(9), { maxLength: 2 }),
  liars: fc.array(fc.nat(9), { maxLength: 1 }),
  seed: fc.nat(),
});

// Where a slow owner is the only one, the others wait for half an hour of simulated time: some seconds of computing.
describe('a swarm', { timeout: 120_000 }, () => {
  it('brings every living member its file, whatever happens to the others', () => {
    fc.assert(
      fc.property(world, ({ mib, anchored, slow, bad, liars, ...rest }) => {
        // Wrong bytes can be told from right ones only where pieces can be proven.
        const wrong = anchored ? { bad: new Set(bad), liars: new Set(liars) } : {};
        const report = play({ ...rest, name: 'any', size: mib * MIB, anchored, slow: new Map(slow), ...wrong });
        expect(report.unfinished).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('fetches each byte once where all hear each other and nobody fails', () => {
    const calm = fc.record({
      nodes: fc.integer({ min: 2, max: 24 }),
      mib: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(calm, ({ nodes, mib, seed }) => {
        const report = play({ name: 'calm', nodes, size: mib * MIB, seed, hears: 1 });
        expect(report.unfinished).toBe(0);
        expect(report.originShare).toBeLessThanOrEqual(1.01);
      }),
      { numRuns: 60 },
    );
  });
});
