import { expect, it, vi } from 'vitest';
import { remembering } from '../../../src/core/remembering.ts';

it('computes an answer once, until newer ones take its place', () => {
  const compute = vi.fn((key: string) => key.toUpperCase());
  const upper = remembering(compute, 2);
  expect(['a', 'b', 'a', 'b'].map(upper)).toEqual(['A', 'B', 'A', 'B']);
  expect(compute).toHaveBeenCalledTimes(2);
  expect(['c', 'b', 'a'].map(upper)).toEqual(['C', 'B', 'A']);
  expect(compute.mock.calls.map(([key]) => key)).toEqual(['a', 'b', 'c', 'a']);
});

it('does not remember failures', () => {
  let isReady = false;
  const answer = remembering((key: number) => {
    if (!isReady) throw new Error('not yet');
    return key;
  }, 2);
  expect(() => answer(1)).toThrow('not yet');
  isReady = true;
  expect(answer(1)).toBe(1);
});
