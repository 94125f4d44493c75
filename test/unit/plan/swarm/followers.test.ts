import { describe, expect, it } from 'vitest';
import { givesUpWaiting, SWARM_PATIENCE } from '../../../../src/plan/swarm/followers.ts';

const facts = { nowMs: 10_001, gainedMs: 0, pulseMs: 0, receiving: false, jitter: 0 };

describe('givesUpWaiting', () => {
  it('waits while bytes come from the origin to anybody', () => {
    expect(givesUpWaiting({ ...facts, pulseMs: 5_000 }, SWARM_PATIENCE)).toBe(false);
  });

  it('gives up when nothing comes to anybody', () => {
    expect(givesUpWaiting(facts, SWARM_PATIENCE)).toBe(true);
  });

  it('waits for an answer that is on its way', () => {
    expect(givesUpWaiting({ ...facts, receiving: true }, SWARM_PATIENCE)).toBe(false);
  });

  it('gives up at last whatever others say', () => {
    const nowMs = SWARM_PATIENCE.ownMs + 1;
    expect(givesUpWaiting({ ...facts, nowMs, pulseMs: nowMs, receiving: true }, SWARM_PATIENCE)).toBe(true);
  });

  it('does not give up in the same moment as the whole crowd', () => {
    expect(givesUpWaiting({ ...facts, jitter: 0.5 }, SWARM_PATIENCE)).toBe(false);
  });
});
